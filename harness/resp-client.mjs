// A small Redis client. The scripts use it, and in tests it is the independent observer of the contents of Redis.

import net from "node:net";
import { decodeFrame, encodeCommand, FrameSplitter, RespError } from "./resp-frames.mjs";

export { RespError };

/**
 * Connects to a Redis server. If the options ask for it, it also logs in and selects the database.
 *
 * @param {object} options
 * @param {string} [options.host] default `127.0.0.1`
 * @param {number} options.port
 * @param {string} [options.username] ACL user; default none
 * @param {string} [options.password] default none (no AUTH is sent)
 * @param {number} [options.db] database number, 0 and up; default 0
 * @param {number} [options.timeoutMs] how long connecting may take, in milliseconds; default 5,000
 * @returns {Promise<RespClient>}
 * @throws {Error} when nobody listens, the time is up or the server refuses the login; never with the password in its message
 */
export async function connect({ host = "127.0.0.1", port, username, password, db = 0, timeoutMs = 5000 }) {
  const socket = net.connect({ host, port, noDelay: true });
  const client = new RespClient(socket);
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    await new Promise((resolve, reject) => {
      socket.once("connect", resolve);
      client.closed.then(reject);
    });
    if (password) await client.command("AUTH", ...(username ? [username, password] : [password]));
    if (db) await client.command("SELECT", db);
    await client.command("PING");
  } catch (error) {
    client.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return client;
}

/** One connection. Commands may be sent without waiting for earlier replies. */
class RespClient {
  #socket;
  #splitter = new FrameSplitter();
  #waiting = [];

  /** Resolves with the reason (an Error) once the connection is gone. */
  closed;

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#receive(chunk));
    this.closed = new Promise((resolve) => {
      let reason;
      socket.on("error", (error) => {
        reason = error;
      });
      socket.on("close", () => {
        // A refused dual-stack connect is an AggregateError with an empty message.
        const why = reason?.message || reason?.errors?.[0]?.message || "connection closed";
        const error = new Error(why, { cause: reason });
        for (const { reject } of this.#waiting.splice(0)) reject(error);
        resolve(error);
      });
    });
  }

  /**
   * Sends a command.
   *
   * @param {...(string | number | Buffer)} args
   * @returns {Promise<any>} the reply: string, number, null or an array of such
   * @throws {RespError} the server's error reply
   * @throws {Error} when the connection is gone before the reply
   */
  command(...args) {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error("connection closed"));
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encodeCommand(args));
    });
  }

  /** Closes the connection; commands without a reply are rejected. May be called twice. */
  close() {
    this.#socket.destroy();
  }

  /** Lets the process exit while the connection is open. */
  unref() {
    this.#socket.unref();
  }

  #receive(chunk) {
    let frames;
    try {
      frames = this.#splitter.push(chunk);
    } catch (error) {
      this.#socket.destroy(error);
      return;
    }
    for (const frame of frames) {
      const reply = decodeFrame(frame);
      const waiter = this.#waiting.shift();
      if (reply instanceof RespError) waiter?.reject(reply);
      else waiter?.resolve(reply);
    }
  }
}
