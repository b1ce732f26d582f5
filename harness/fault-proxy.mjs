// A TCP proxy in front of a Redis server that breaks connections exactly where a test wants it. It parses the frames of RESP in both
// directions, so that it knows which reply belongs to which of several pipelined commands.

import { once } from "node:events";
import net from "node:net";
import { ProxiedConnection } from "./proxied-connection.mjs";

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @param {object} options
 * @param {number} options.targetPort port of the server
 * @param {string} [options.targetHost] default `127.0.0.1`
 * @returns {Promise<FaultProxy>} once it listens
 */
export async function startFaultProxy({ targetPort, targetHost = "127.0.0.1" }) {
  const proxy = new FaultProxy(targetPort, targetHost);
  await proxy.acceptConnections();
  return proxy;
}

/**
 * The command that a fault waits for: it contains these bytes anywhere (its name, a key, an argument), or the function returns true for its
 * words as text.
 *
 * @typedef {string | Buffer | ((words: string[]) => boolean)} Match
 */

class FaultProxy {
  #target;
  #server;
  #links = new Set();
  #faults = [];
  #standing = [];
  #commands = 0;

  /** Read by the connections; set by the methods below. */
  state = { paused: false, delayMs: 0, rewriteCommand: (frame) => frame, rewriteReply: (frame) => frame };

  /** @type {number} port for clients; the same after `refuseConnections()` and `acceptConnections()` */
  port = 0;

  constructor(port, host) {
    this.#target = { port, host };
  }

  /** @returns {number} the number of open client connections */
  connections() {
    return this.#links.size;
  }

  /** @returns {number} the number of commands that clients have sent so far */
  commands() {
    return this.#commands;
  }

  /** From now on, forwards the result of `rewrite` instead of each command (its bytes). */
  rewriteCommands(rewrite) {
    this.state.rewriteCommand = rewrite;
  }

  /** From now on, delivers the result of `rewrite` instead of each reply and push (its bytes, whole RESP values). */
  rewriteReplies(rewrite) {
    this.state.rewriteReply = rewrite;
  }

  /** Sends new connections to another port of the same host. */
  retarget(port) {
    this.#target.port = port;
  }

  /** Closes the port: the system refuses new connections, and open ones stay. */
  async refuseConnections() {
    const server = this.#server;
    this.#server = undefined;
    // close() stops listening at once, but its callback would wait for the open connections.
    server?.close();
  }

  /** Opens the port (again). */
  async acceptConnections() {
    if (this.#server) return;
    const server = net.createServer({ noDelay: true }, (client) => this.#accept(client));
    this.#server = server;
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = server.address().port;
  }

  /**
   * Breaks every open connection.
   *
   * @param {object} [options]
   * @param {boolean} [options.reset] with a TCP reset instead of an orderly end; default false
   */
  cutAll({ reset = false } = {}) {
    for (const link of this.#links) link.destroy({ reset });
  }

  /** Holds every reply back, as a hung server or network does. Commands still reach the server. */
  pauseReplies() {
    this.state.paused = true;
  }

  /** Delivers the replies that were held back, and goes on as usual. */
  resumeReplies() {
    this.state.paused = false;
    for (const link of this.#links) link.deliver();
  }

  /**
   * Delays every reply that arrives from now on.
   *
   * @param {number} ms milliseconds, 0 and up; 0 ends it
   */
  delayReplies(ms) {
    this.state.delayMs = ms;
  }

  /**
   * Once: forwards the next command that matches, waits until the server has executed it, and then cuts its connection. Replies to earlier
   * commands are delivered first; later commands of that connection never reach the server.
   *
   * @param {object} fault
   * @param {Match} fault.match
   * @param {"before-reply" | "mid-reply"} [fault.when] before any byte of its reply (the default) or after half of them
   * @returns {Promise<void>} resolved when the connection has been cut
   */
  cutAfterForward({ match, when = "before-reply" }) {
    return this.#arm({ kind: "cut-after", match, when });
  }

  /**
   * Once: cuts the connection instead of forwarding the next command that matches. Replies to earlier commands are delivered first.
   *
   * @param {object} fault
   * @param {Match} fault.match
   * @returns {Promise<void>} resolved when the connection has been cut
   */
  cutBeforeForward({ match }) {
    return this.#arm({ kind: "cut-before", match });
  }

  /**
   * Once: answers the next command that matches with the given bytes, in its place among the pipelined replies, instead of
   * forwarding it.
   *
   * @param {object} fault
   * @param {Match} fault.match
   * @param {Buffer} fault.reply one whole RESP value, such as `Buffer.from("-OOM command not allowed\r\n")`
   * @returns {Promise<void>} resolved when the reply has been sent
   */
  rewriteReply({ match, reply }) {
    return this.#arm({ kind: "rewrite", match, reply });
  }

  /**
   * From now on: answers every command that matches with the given bytes instead of forwarding it, like a proxy that does not know the
   * command.
   *
   * @param {object} answer
   * @param {Match} answer.match
   * @param {Buffer} answer.reply one whole RESP value
   */
  answerAlways({ match, reply }) {
    this.#standing.push({ kind: "rewrite", match, reply });
  }

  /** Forgets the faults that have not happened yet; their promises stay pending. */
  clearFaults() {
    this.#faults = [];
  }

  /** Closes the port and every connection. May be called twice. */
  async stop() {
    await this.refuseConnections();
    this.cutAll();
  }

  /** Used by the connections: counts a command, and takes the first fault that the command triggers. */
  takeFault(frame, words) {
    this.#commands += 1;
    const matches = ({ match }) => (typeof match === "function" ? match(words()) : frame.includes(match));
    const at = this.#faults.findIndex(matches);
    return at === -1 ? this.#standing.find(matches) : this.#faults.splice(at, 1)[0];
  }

  #arm(fault) {
    return new Promise((done) => this.#faults.push({ ...fault, done }));
  }

  #accept(client) {
    const link = new ProxiedConnection(this, client, net.connect({ ...this.#target, noDelay: true }));
    this.#links.add(link);
    client.once("close", () => this.#links.delete(link));
  }
}
