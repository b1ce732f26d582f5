// A proxy in front of a good server. When told to, it answers in place of the server.

import { once } from "node:events";
import net from "node:net";
import { decodeFrame, FrameSplitter } from "../../harness/resp-frames.mjs";

/**
 * @param {number} targetPort port of the good server
 * @returns {Promise<HostileServer>} once it listens
 */
export async function startHostileServer(targetPort) {
  const server = new HostileServer(targetPort);
  await server.listen();
  return server;
}

class HostileServer {
  #targetPort;
  #listener;
  #sockets = new Set();

  port = 0;
  /** Writes a bad answer to a socket. While this is `undefined`, the proxy passes everything on. */
  reply;
  /** Whether a command gets a bad answer, by its words and its connection. The connection has `main` if it asked for RESP3. */
  meets = () => true;
  /** The number of commands that got no good answer. */
  met = 0;

  constructor(targetPort) {
    this.#targetPort = targetPort;
  }

  async listen() {
    this.#listener = net.createServer((socket) => this.#accept(socket)).listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
    this.port = this.#listener.address().port;
  }

  #accept(socket) {
    const target = net.connect(this.#targetPort, "127.0.0.1");
    const [commands, queue] = [new FrameSplitter({ inline: true }), { bad: false }];
    this.#sockets.add(socket);
    socket.main = false;
    socket.on("error", () => {});
    target.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      target.destroy();
    });
    target.on("close", () => socket.destroy());
    // After a bad answer, no good answer comes on this connection any more.
    target.on("data", (bytes) => queue.bad || socket.write(bytes));
    socket.on("data", (bytes) => {
      for (const frame of commands.push(bytes)) this.#command(socket, target, queue, frame);
    });
  }

  #command(socket, target, queue, frame) {
    const words = decodeFrame(frame).map(String);
    socket.main ||= words[0] === "HELLO";
    if (words[0] === "SUBSCRIBE") socket.channels = words.slice(1);
    queue.bad ||= this.reply !== undefined && this.meets(words, socket);
    if (!queue.bad) return target.write(frame);
    this.met += 1;
    // While a reply without an end is written, no other reply is: the client could not tell them apart.
    if (this.reply && !socket.destroyed && !socket.streams) {
      this.reply(socket);
      socket.streams ||= socket.writableNeedDrain;
    }
  }

  /** Answers badly from now on. */
  turnBad(reply, meets = () => true) {
    [this.reply, this.meets, this.met] = [reply, meets, 0];
  }

  /** Is a good server from now on. All open connections end. */
  turnGood() {
    this.reply = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends the connections that asked for RESP3. */
  cutMain() {
    for (const socket of this.#sockets) if (socket.main) socket.destroy();
  }

  async stop() {
    for (const socket of this.#sockets) socket.destroy();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}
