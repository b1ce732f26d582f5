// The bad answers of a server. Each entry gets the socket of a connection, and writes its answer to one command there. Entries without an end
// write as long as the other side reads.

const CHUNK = Buffer.alloc(64 << 10, "x");
const NILS = Buffer.from("$-1\r\n".repeat(12_000));
const DEEP = "*1\r\n".repeat(20_000);
const LONG = "9223372036854775807";

const say = (text) => (socket) => socket.write(text);

/**
 * Writes the beginning, and then more and more of the same. It writes in portions, because a socket whose client reads as fast as this writes
 * always has room.
 */
function endless(beginning, more) {
  return (socket) => {
    socket.streams = true;
    socket.write(beginning);
    const go = () => {
      for (let left = 16; left > 0 && !socket.destroyed; left -= 1) {
        if (!socket.write(more(socket))) return void socket.once("drain", go);
      }
      if (!socket.destroyed) setImmediate(go);
    };
    go();
  };
}

const always = (bytes) => () => bytes;

/** Makes messages to a channel. `channelOf` chooses the channel, for example one that the client of the socket listens to. */
function messages(channelOf, text) {
  let count = 0;
  return (socket) => {
    let out = "";
    for (let at = 0; at < 500; at += 1) {
      count += 1;
      const [channel, message] = [channelOf(socket), text(count)];
      out += `>3\r\n+message\r\n$${channel.length}\r\n${channel}\r\n$${message.length}\r\n${message}\r\n`;
    }
    return Buffer.from(out);
  };
}

const grantsOf = (socket) => socket.channels?.find((name) => name.startsWith("mlr!c:")) ?? "mlr!c:none";
const lossesOf = (socket) => socket.channels?.find((name) => name.startsWith("mlr!o:")) ?? "mlr!o:none";

/** Error replies of Redis, or of a proxy in front of it. */
const ERRORS = [
  "ERR unknown",
  "OOM command not allowed when used memory > 'maxmemory'.",
  "NOSCRIPT No matching script. Please use EVAL.",
  "MOVED 1 127.0.0.1:1",
  "ASK 1 127.0.0.1:1",
  "TRYAGAIN Multiple keys request during rehashing of slot",
  "CLUSTERDOWN Hash slot not served",
  "CROSSSLOT Keys in request don't hash to the same slot",
  "READONLY You can't write against a read only replica.",
  "LOADING Redis is loading the dataset in memory",
  "BUSY Redis is busy running a script.",
  "MISCONF Errors writing to the AOF file",
  "MASTERDOWN Link with MASTER is down",
  "NOAUTH Authentication required.",
  "WRONGPASS invalid username-password pair",
  "NOPERM this user has no permissions",
  "WRONGTYPE Operation against a key holding the wrong kind of value",
  "",
];

/** All bad answers by name. */
const ALL = {
  "a bulk string of 9 TB": endless("$9000000000000\r\n", always(CHUNK)),
  "a bulk string of 500 MB": endless("$500000000\r\n", always(CHUNK)),
  "a bulk string of 15 MB that stops short": (socket) => {
    socket.write("$15000000\r\n");
    for (let at = 0; at < 200; at += 1) socket.write(CHUNK);
  },
  "a bulk string whose length is negative": say("$-2\r\n"),
  "a bulk string whose length is no number": say("$abc\r\n"),
  "a bulk string that goes on after its end": say("$2\r\nabcdef\r\n"),
  "a streamed string": say("$?\r\n;4\r\nwhat\r\n;0\r\n"),
  "a list of two thousand million": endless("*2147483647\r\n", always(NILS)),
  "a list of 25 million nils": endless("*25000000\r\n", always(NILS)),
  "lists in lists, 20,000 deep": say(DEEP),
  "lists in lists without an end": endless(DEEP, always(DEEP)),
  "lists that announce more and more": endless("", always("*500000\r\n".repeat(1_000))),
  "a list of lists of long strings": endless("*1000\r\n", always(Buffer.concat([Buffer.from("$65536\r\n"), CHUNK, Buffer.from("\r\n")]))),
  "an error without an end": endless("-ERR ", always(CHUNK)),
  "an error of 60 KB": say(`-ERR ${"x".repeat(60_000)}\r\n`),
  "an error in bulk form of 9 TB": endless("!9000000000000\r\n", always(CHUNK)),
  "an error in bulk form of 200 KB": say(`!200000\r\n${"x".repeat(200_000)}\r\n`),
  "a line without an end": endless("+", always(CHUNK)),
  "a number without an end": endless(":", always(Buffer.alloc(64 << 10, "1"))),
  "a number that is too large": say(":99999999999999999999\r\n"),
  "a number that is none": say(":abc\r\n"),
  "a map of a thousand million": endless("%1000000000\r\n", always(NILS)),
  "a set of a thousand million": endless("~1000000000\r\n", always(NILS)),
  "a push of a thousand million": endless(">1000000000\r\n", always(NILS)),
  "an attribute": say("|1\r\n+a\r\n+b\r\n+OK\r\n"),
  "an unknown mark": say("?what\r\n"),
  "a line that ends without a carriage return": say("+OK\n"),
  HTTP: say("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nBad Request"),
  "an alert of TLS": say(Buffer.from([21, 3, 1, 0, 2, 2, 40])),
  "zero bytes without an end": endless("", always(Buffer.alloc(64 << 10))),
  "random bytes": say(Buffer.from(Array.from({ length: 1_000 }, (_, at) => (at * 7_919) % 251))),
  nothing: () => {},
  "the end of the connection": (socket) => socket.end(),
  "a reset": (socket) => socket.resetAndDestroy(),
  "half a reply and the end": (socket) => socket.end("*2\r\n:1\r\n"),
  "half a reply and nothing": say("*2\r\n:1\r\n"),
  "two replies": say("+OK\r\n+OK\r\n"),
  "thousands of replies": say("+OK\r\n".repeat(50_000)),
  "replies without an end": endless("", always("+OK\r\n".repeat(10_000))),
  "errors without an end": endless("", always("-ERR no\r\n".repeat(5_000))),
  "pushes that nobody knows": endless("", always(">2\r\n+what\r\n+ever\r\n".repeat(3_000))),
  "invalidations without an end": endless("", always(">2\r\n+invalidate\r\n*1\r\n+k\r\n".repeat(3_000))),
  "messages to others without an end": endless(
    "",
    messages(
      () => "mlr!c:others",
      (at) => `${at}`,
    ),
  ),
  "grants for unknown keys without an end": endless(
    "",
    messages(grantsOf, (at) => `17000000000${at}:0:medusa_lock:u${at}`),
  ),
  "grants for one unknown key without an end": endless(
    "",
    messages(grantsOf, (at) => `17000000000${at}:0:medusa_lock:u`),
  ),
  "grants that are none without an end": endless(
    "",
    messages(grantsOf, () => "::"),
  ),
  "losses without an end": endless(
    "",
    messages(lossesOf, () => "medusa_lock:u"),
  ),
  null: say("_\r\n"),
  nil: say("$-1\r\n"),
  "a number": say(":7\r\n"),
  "a text": say("+what\r\n"),
  "an empty list": say("*0\r\n"),
  "a list of nils": say("*3\r\n$-1\r\n$-1\r\n$-1\r\n"),
  "a list of lists": say("*2\r\n*1\r\n:1\r\n*1\r\n:1\r\n"),
  "a map": say("%1\r\n+a\r\n:1\r\n"),
  true: say("#t\r\n"),
  "a fraction": say(",1.5\r\n"),
  "a big number": say("(123456789012345678901234567890\r\n"),
  "a verbatim string": say("=8\r\ntxt:what\r\n"),
  "tokens that are too large": say(`*3\r\n:1\r\n:${LONG}\r\n:${LONG}\r\n`),
  "tokens below zero": say("*3\r\n:1\r\n:-5\r\n:-5\r\n"),
  "a place in the queue that is none": say(`*5\r\n:2\r\n:${LONG}\r\n:${LONG}\r\n:${LONG}\r\n:1\r\n`),
  ...Object.fromEntries(ERRORS.map((text) => [`the error ${text.split(" ")[0] || "without a text"}`, say(`-${text}\r\n`)])),
};

/** All bad answers, or those whose name contains `MLR_HOSTILE`. */
export const REPLIES = Object.fromEntries(Object.entries(ALL).filter(([name]) => name.includes(process.env.MLR_HOSTILE ?? "")));
