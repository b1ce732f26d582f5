// Framing and decoding of the Redis protocol (RESP2 and RESP3). The test client and the fault proxy share it, so that both
// are independent of the parser that ships in the package.

const CR = 13;
const LF = 10;

/** The error of a command that the server refused. `message` is the error text as the server sent it, without the leading `-`. */
export class RespError extends Error {
  name = "RespError";
}

/** The end of the line that starts at `from` (index of its CR), or -1 while the line is incomplete. */
function lineEnd(buffer, from) {
  for (let at = buffer.indexOf(CR, from); at !== -1; at = buffer.indexOf(CR, at + 1)) {
    if (at + 1 >= buffer.length) return -1;
    if (buffer[at + 1] === LF) return at;
  }
  return -1;
}

/**
 * Finds the end of the value that starts at `from`.
 *
 * @param {Buffer} buffer bytes as received
 * @param {number} from index of the value's type byte
 * @returns {number} index of the first byte after the value, or -1 while it is incomplete
 * @throws {Error} when the bytes are no RESP value
 */
export function frameEnd(buffer, from) {
  let pending = 1;
  let at = from;
  while (pending > 0) {
    if (at >= buffer.length) return -1;
    const type = String.fromCharCode(buffer[at]);
    const end = lineEnd(buffer, at);
    if (end === -1) return -1;
    const count = () => {
      const text = buffer.toString("latin1", at + 1, end);
      if (!/^(-1|\d+)$/.test(text)) throw new Error(`not a RESP length: ${JSON.stringify(text)}`);
      return Number(text);
    };
    pending -= 1;
    switch (type) {
      case "+":
      case "-":
      case ":":
      case "_":
      case ",":
      case "#":
      case "(":
        at = end + 2;
        break;
      case "$":
      case "!":
      case "=": {
        const length = count();
        at = length === -1 ? end + 2 : end + 2 + length + 2;
        if (at > buffer.length) return -1;
        break;
      }
      case "*":
      case "~":
      case ">":
        pending += Math.max(count(), 0);
        at = end + 2;
        break;
      case "%":
        pending += 2 * Math.max(count(), 0);
        at = end + 2;
        break;
      case "|":
        // Attributes precede the value that they describe, so that value is still to come.
        pending += 2 * Math.max(count(), 0) + 1;
        at = end + 2;
        break;
      default:
        throw new Error(`not a RESP type byte: ${JSON.stringify(type)}`);
    }
  }
  return at;
}

/**
 * Cuts a byte stream into whole RESP values.
 *
 * With `inline: true` a line that starts with no RESP type byte counts as one value too (an inline command such as `PING`).
 */
export class FrameSplitter {
  #buffer = Buffer.alloc(0);
  #inline;

  constructor({ inline = false } = {}) {
    this.#inline = inline;
  }

  /**
   * @param {Buffer} chunk bytes that arrived
   * @returns {Buffer[]} the values that are complete now, oldest first, each with all its bytes
   * @throws {Error} when the bytes are no RESP value
   */
  push(chunk) {
    let buffer = this.#buffer.length ? Buffer.concat([this.#buffer, chunk]) : chunk;
    const frames = [];
    while (buffer.length > 0) {
      let end;
      if (this.#inline && buffer[0] !== 0x2a) {
        const line = buffer.indexOf(LF);
        end = line === -1 ? -1 : line + 1;
      } else {
        end = frameEnd(buffer, 0);
      }
      if (end === -1) break;
      frames.push(buffer.subarray(0, end));
      buffer = buffer.subarray(end);
    }
    this.#buffer = buffer;
    return frames;
  }
}

/**
 * Turns one whole value into a JavaScript value: strings for text and bulk strings (UTF-8), numbers, booleans, arrays (maps become flat
 * arrays, as in RESP2), `null`, and a `RespError` (returned, not thrown) for an error. Integers beyond 2^53 stay text.
 *
 * @param {Buffer} frame one value, as `FrameSplitter` gives it
 * @param {{ buffers?: boolean }} [options] `buffers: true` gives bulk strings as Buffers; default false
 */
export function decodeFrame(frame, { buffers = false } = {}) {
  let at = 0;
  const value = () => {
    const type = String.fromCharCode(frame[at]);
    const end = lineEnd(frame, at);
    const text = frame.toString("utf8", at + 1, end);
    at = end + 2;
    const items = (count) => (count < 0 ? null : Array.from({ length: count }, value));
    switch (type) {
      case "+":
        return text;
      case "-":
        return new RespError(text);
      case ":":
      case "(":
        return Number.isSafeInteger(Number(text)) ? Number(text) : text;
      case ",":
        return Number(text.replace("inf", "Infinity"));
      case "#":
        return text === "t";
      case "_":
        return null;
      case "$":
      case "!":
      case "=": {
        const length = Number(text);
        if (length < 0) return null;
        const body = frame.subarray(at, at + length);
        at += length + 2;
        if (type === "!") return new RespError(body.toString());
        if (type === "=") return body.toString("utf8", 4);
        return buffers ? Buffer.from(body) : body.toString();
      }
      case "%":
        return items(2 * Number(text));
      case "|":
        items(2 * Number(text));
        return value();
      default:
        return items(Number(text));
    }
  };
  return value();
}

/**
 * @param {(string | number | Buffer)[]} args command name and arguments
 * @returns {Buffer} the command as a client sends it
 */
export function encodeCommand(args) {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const body = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${body.length}\r\n`), body, Buffer.from("\r\n"));
  }
  return Buffer.concat(parts);
}
