// Packages that a user might choose instead, each used as in its README: an `execute(keys, job, args)` on its own connection. If a call has
// a `timeout`, the peer waits so long, with its own setting for that and with its own default pace of retries. If a call has `expire`, that
// is the lease.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { COMPARE_AND_DELETE, lockByHand } from "../by-hand.mjs";
import { FLOOR_ADDON } from "./floor.mjs";

const require = createRequire(import.meta.url);

/** Environment variable with the address of Postgres. The address has a password, which no command line may show. */
export const POSTGRES_URL = "BENCH_POSTGRES_URL";

const OPENERS = { postgres, "redis-semaphore": redisSemaphore, redlock, "redlock-universal": redlockUniversal, glide, floor };

/** The names of the peers. */
export const PEERS = Object.keys(OPENERS);

/**
 * @param {string} name one of `PEERS`
 * @param {string} url of Redis
 * @returns {Promise<{ execute(keys: string | string[], job: Function, args?: { timeout?: number, expire?: number }): Promise<any>, version:
 *   string }>} `timeout` and `expire` in seconds
 * @throws {Error} when the peer cannot be loaded or reaches no server
 */
export function openPeer(name, url) {
  return OPENERS[name](url);
}

// The manifest is found by its path, because not every package lets others import its manifest by name.
const versionOf = (name) => require(`../../node_modules/${name}/package.json`).version;

async function connectIoredis(url) {
  const { Redis } = require("ioredis");
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  return redis;
}

// The provider class with a pool and an entity manager as Medusa makes them, and with Medusa's own defaults: at most ten connections.
async function postgres() {
  const { mikroOrmCreateConnection, ModulesSdkUtils } = require("@medusajs/framework/utils");
  const clientUrl = process.env[POSTGRES_URL];
  const connection = ModulesSdkUtils.createPgConnection({ clientUrl, driverOptions: {}, pool: { min: 2 } });
  const orm = await mikroOrmCreateConnection({ connection, clientUrl }, [], "");
  const { services } = require("@medusajs/locking-postgres").default;
  const provider = new services[0]({ manager: orm.em.fork() });
  await provider.execute("hello", async () => {});
  return { execute: (keys, job, args) => provider.execute(keys, job, args), version: versionOf("@medusajs/locking-postgres") };
}

// One key per lock. It renews its lease by itself.
async function redisSemaphore(url) {
  const { Mutex } = require("redis-semaphore");
  const redis = await connectIoredis(url);
  const execute = async (key, job, { timeout, expire } = {}) => {
    const limit = timeout === undefined ? {} : { acquireTimeout: timeout * 1_000 };
    const mutex = new Mutex(redis, key, expire === undefined ? limit : { ...limit, lockTimeout: expire * 1_000 });
    await mutex.acquire();
    try {
      return await job();
    } finally {
      await mutex.release();
    }
  };
  return { execute, version: versionOf("redis-semaphore") };
}

const REDLOCK_RETRY_MS = 200;

async function redlock(url) {
  const { Redlock } = require("@sesamecare-oss/redlock");
  const locks = new Redlock([await connectIoredis(url)]);
  // This event comes for each key that another caller holds. The call itself throws its final error.
  locks.on("error", () => {});
  const execute = (keys, job, { timeout, expire = 5 } = {}) => {
    const settings = timeout === undefined ? {} : { retryCount: Math.ceil((timeout * 1_000) / REDLOCK_RETRY_MS) };
    return locks.using([keys].flat(), expire * 1_000, settings, job);
  };
  return { execute, version: versionOf("@sesamecare-oss/redlock") };
}

const UNIVERSAL_RETRY_MS = 100;

async function redlockUniversal(url) {
  const { createLock, IoredisAdapter, LockManager } = require("redlock-universal");
  const adapter = new IoredisAdapter(await connectIoredis(url));
  const manager = new LockManager({ nodes: [adapter] });
  const execute = (keys, job, { timeout, expire = 30 } = {}) => {
    const attempts = timeout === undefined ? {} : { retryAttempts: Math.ceil((timeout * 1_000) / UNIVERSAL_RETRY_MS) };
    if (Array.isArray(keys)) return manager.usingBatch(keys, job, attempts);
    return createLock({ adapter, key: keys, ttl: expire * 1_000, ...attempts }).using(job);
  };
  return { execute, version: versionOf("redlock-universal") };
}

// A lock by hand over a compiled client.
async function glide(url) {
  const { GlideClient, Script, TimeUnit } = require("@valkey/valkey-glide");
  const { hostname: host, port } = new URL(url);
  // By default a client refuses the 1,001st request under way, and a request times out after 250 ms.
  const client = await GlideClient.createClient({
    addresses: [{ host, port: Number(port) }],
    inflightRequestsLimit: 100_000,
    requestTimeout: 10_000,
  });
  const giveBack = new Script(COMPARE_AND_DELETE);
  const once = (leaseMs) => ({ conditionalSet: "onlyIfDoesNotExist", expiry: { type: TimeUnit.Milliseconds, count: leaseMs } });
  const execute = lockByHand({
    take: async (name, owner, leaseMs) => (await client.set(name, owner, once(leaseMs))) === "OK",
    giveBack: (name, owner) => client.invokeScript(giveBack, { keys: [name], args: [owner] }),
  });
  return { execute, version: versionOf("@valkey/valkey-glide") };
}

// SET and compare-and-delete from a compiled client on this process's own loop. It is no lock: no call waits, nothing is renewed.
async function floor(url) {
  const { Floor } = require(process.env[FLOOR_ADDON]);
  // Redis replies in the order of the commands.
  let [asked, answered, broken] = [[], 0, undefined];
  const client = new Floor(new URL(url).host, (count, failed) => {
    const end = answered + count;
    for (; answered < end; answered += 1) asked[answered].resolve();
    if (answered === asked.length) [asked, answered] = [[], 0];
    if (failed === undefined || failed === null) return;
    broken = new Error(failed);
    for (const { reject } of asked.slice(answered)) reject(broken);
  });
  const answer = () => {
    if (broken) throw broken;
    return new Promise((resolve, reject) => asked.push({ resolve, reject }));
  };
  const execute = async (key, job) => {
    const [name, owner] = [`floor:${key}`, randomUUID()];
    client.take(name, owner);
    await answer();
    try {
      return await job();
    } finally {
      client.giveBack(name, owner);
      await answer();
    }
  };
  return { execute, version: require("../../../package.json").version };
}
