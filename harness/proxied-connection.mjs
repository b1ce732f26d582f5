// One client connection of the fault proxy, with its connection to the server.

import { decodeFrame, FrameSplitter } from "./resp-frames.mjs";

const SUBSCRIBE = /^[ps]?(un)?subscribe$/i;
const MESSAGE = /^([ps]?message|invalidate)$/;

/** Pairs replies with commands. Delivers the replies in order, late or not at all, depending on the proxy's state and faults. */
export class ProxiedConnection {
  #proxy;
  #client;
  #server;
  #fromClient = new FrameSplitter({ inline: true });
  #fromServer = new FrameSplitter();
  // One entry per reply that the client still expects, in order: { confirms } for a subscription, { fault } for a reply that is to be cut.
  #expected = [];
  #outbox = [];
  #timer;
  #subscribed = false;
  // Set once this connection is to be cut. Data that the client sends after that is not forwarded.
  #closing = false;

  constructor(proxy, client, server) {
    this.#proxy = proxy;
    this.#client = client;
    this.#server = server;
    client.on("data", (chunk) => this.#frames(this.#fromClient, chunk, (frame) => this.#command(frame)));
    server.on("data", (chunk) => this.#frames(this.#fromServer, chunk, (frame) => this.#reply(frame)));
    client.on("error", () => {});
    server.on("error", () => {});
    client.on("close", () => {
      clearTimeout(this.#timer);
      server.destroy();
    });
    // Data that arrived before the server went away is still delivered.
    server.on("close", () => this.#send(Buffer.alloc(0), { end: true }));
  }

  /** Closes both sides now. */
  destroy({ reset = false } = {}) {
    clearTimeout(this.#timer);
    this.#server.destroy();
    if (reset) this.#client.resetAndDestroy();
    else this.#client.destroy();
  }

  /** Writes all data that is due to the client. */
  deliver() {
    clearTimeout(this.#timer);
    while (this.#outbox.length > 0 && !this.#proxy.state.paused) {
      const waitMs = this.#outbox[0].dueAt - Date.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.deliver(), waitMs);
        return;
      }
      const { bytes, end, done } = this.#outbox.shift();
      if (this.#client.destroyed) continue;
      if (end) {
        this.#server.destroy();
        // The connection ends only after the system has taken the bytes before its end.
        this.#client.end(bytes, () => this.#client.destroy());
        this.#client.once("close", () => done?.());
        return;
      }
      this.#client.write(bytes, () => done?.());
    }
  }

  #frames(splitter, chunk, handle) {
    let frames;
    try {
      frames = splitter.push(chunk);
    } catch {
      this.destroy();
      return;
    }
    for (const frame of frames) handle(frame);
  }

  #command(frame) {
    if (this.#closing) return;
    const words = () => (frame[0] === 0x2a ? decodeFrame(frame) : frame.toString().trim().split(/\s+/));
    const fault = this.#proxy.takeFault(frame, words);
    switch (fault?.kind) {
      case "cut-before":
        this.#closing = true;
        this.#expected.push({ canned: Buffer.alloc(0), end: true, done: fault.done });
        break;
      case "rewrite":
        this.#expected.push({ canned: fault.reply, done: fault.done });
        break;
      case "cut-after":
        this.#closing = true;
        this.#server.write(frame);
        this.#expected.push({ cut: fault });
        break;
      default:
        this.#server.write(this.#proxy.state.rewriteCommand(frame));
        this.#expect(words());
    }
    this.#sendCanned();
  }

  #expect(words) {
    if (!SUBSCRIBE.test(words[0])) {
      this.#expected.push({});
      return;
    }
    this.#subscribed = true;
    for (let count = Math.max(words.length - 1, 1); count > 0; count -= 1) this.#expected.push({ confirms: true });
  }

  #reply(original) {
    const frame = this.#proxy.state.rewriteReply(original);
    const kind = this.#pushKind(frame);
    const confirmation = kind !== undefined && SUBSCRIBE.test(kind);
    if (kind !== undefined && !(confirmation && this.#expected[0]?.confirms)) {
      this.#send(frame);
      return;
    }
    const { cut } = this.#expected.shift() ?? {};
    if (!cut) this.#send(frame);
    else this.#send(cut.when === "mid-reply" ? frame.subarray(0, frame.length >> 1) : Buffer.alloc(0), { end: true, done: cut.done });
    this.#sendCanned();
  }

  // The kind of a value that answers no command. RESP3 marks such a value. In RESP2 only its first element shows it, and only after
  // SUBSCRIBE.
  #pushKind(frame) {
    const type = String.fromCharCode(frame[0]);
    if (type !== ">" && !(type === "*" && this.#subscribed)) return undefined;
    const [first] = decodeFrame(frame) ?? [];
    if (type === ">") return String(first);
    return MESSAGE.test(first) || SUBSCRIBE.test(first) ? first : undefined;
  }

  #sendCanned() {
    while (this.#expected[0]?.canned) {
      const { canned, end, done } = this.#expected.shift();
      this.#send(canned, { end, done });
    }
  }

  #send(bytes, { end = false, done } = {}) {
    this.#outbox.push({ bytes, end, done, dueAt: Date.now() + this.#proxy.state.delayMs });
    this.deliver();
  }
}
