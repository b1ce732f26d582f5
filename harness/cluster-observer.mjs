// An observer of a whole Redis Cluster, with the interface of an observer of a single server: it asks the node that has the key, or all
// nodes. It assigns slots as the start of the cluster does, so it only fits clusters whose slots do not move.

import { connect } from "./resp-client.mjs";

const SLOTS = 16_384;

/** Commands without a key, for which every node has its own answer. */
const EVERYWHERE = new Set("KEYS DBSIZE FLUSHALL SCRIPT CONFIG ACL CLIENT INFO PING".split(" "));

/**
 * @param {object[]} masters servers that share the slots evenly, in order: as `startCluster` starts them
 * @returns {Promise<ClusterObserver>}
 */
export async function connectToMasters(masters) {
  const clients = [];
  try {
    for (const { port } of masters) clients.push(await connect({ port }));
    return new ClusterObserver(clients);
  } catch (error) {
    for (const client of clients) client.close();
    throw error;
  }
}

class ClusterObserver {
  #clients;

  constructor(clients) {
    this.#clients = clients;
  }

  /** Like the method of `RespClient`. Lists, sums and texts of several nodes are joined; for any other reply the first one is returned. */
  async command(...args) {
    const name = String(args[0]).toUpperCase();
    if (EVERYWHERE.has(name)) return joined(await Promise.all(this.#clients.map((client) => client.command(...args))));
    const isScript = name === "EVAL" || name === "EVALSHA";
    return await this.#master(args[isScript ? 3 : 1]).command(...args);
  }

  close() {
    for (const client of this.#clients) client.close();
  }

  #master(key) {
    const many = this.#clients.length;
    // `startCluster` rounds the ends of the ranges down.
    const at = this.#clients.findIndex((_, index) => slotOf(String(key)) < Math.floor(((index + 1) * SLOTS) / many));
    return this.#clients[at];
  }
}

function joined(replies) {
  const [first] = replies;
  if (Array.isArray(first)) return replies.flat();
  if (typeof first === "number") return replies.reduce((sum, one) => sum + one, 0);
  return new Set(replies).size === 1 ? first : replies.join("");
}

/** The hash slot of a key: CRC16 (XMODEM) of the text between the first braces, or of the whole key. */
export function slotOf(key) {
  const from = key.indexOf("{");
  const to = key.indexOf("}", from + 1);
  const hashed = from !== -1 && to > from + 1 ? key.slice(from + 1, to) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % SLOTS;
}
