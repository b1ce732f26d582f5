// The contestants. Each is an `execute(key, job, args)` on its own connection.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { COMPARE_AND_DELETE, lockByHand } from "./by-hand.mjs";

const require = createRequire(import.meta.url);

/** The names of all contestants, the baseline first. */
export const CONTESTANTS = ["official", "bare", "ours"];

const PACKAGES = { official: "@medusajs/locking-redis", ours: "medusa-locking-redis" };

/**
 * @param {string} name one of `CONTESTANTS`
 * @param {string} url of Redis
 * @param {object} [options] the providers' other options
 * @returns {Promise<{ execute(keys: string | string[], job: Function, args?: object): Promise<any>, version: string }>}
 * @throws {Error} when the contestant cannot be loaded or reaches no Redis
 */
export function openContestant(name, url, options = {}) {
  if (name !== "bare") return openProvider(PACKAGES[name], { redisUrl: url || undefined, ...options });
  return options.cluster ? openBareCluster(options.cluster) : openBare(url);
}

// This does the same as Medusa's loader: it calls the package's loaders with a container, then makes the package's class with the
// container's contents. The Locking Module is left out, because it would add the same cost to both.
async function openProvider(specifier, options) {
  const { createMedusaContainer } = require("@medusajs/framework/utils");
  const { asValue } = require("@medusajs/framework/awilix");
  const loaded = require(specifier);
  const { services, loaders } = loaded.default ?? loaded;
  const failures = [];
  const quiet = () => {};
  const logger = { info: quiet, debug: quiet, warn: quiet, error: (text) => failures.push(text) };
  const container = createMedusaContainer();
  container.register({ logger: asValue(logger) });
  const moduleOptions = { providers: [{ resolve: specifier, id: "locking-redis", is_default: true, options }] };
  for (const loader of loaders) await loader({ container, logger, options, moduleOptions });
  if (failures.length > 0) throw new Error(failures.join("; "));
  const [Provider] = services;
  const provider = new Provider(container.cradle, moduleOptions);
  return {
    execute: (keys, job, args) => provider.execute(keys, job, args),
    acquire: (keys, args) => provider.acquire(keys, args),
    release: (keys, args) => provider.release(keys, args),
    releaseAll: (args) => provider.releaseAll(args),
    version: require(`${specifier}/package.json`).version,
  };
}

// The least that a user would write by hand: no waiting, no owner check, no renewal. It is a floor for ioredis, not a lock.
async function openBare(url) {
  const { Redis } = require("ioredis");
  const redis = new Redis(url, { lazyConnect: true });
  await redis.connect();
  const execute = async (key, job) => {
    const name = `bare:${key}`;
    if ((await redis.set(name, randomUUID(), "PX", 60_000, "NX")) !== "OK") throw new Error(`${name} is taken`);
    try {
      return await job();
    } finally {
      await redis.del(name);
    }
  };
  const listen = async (channel, onMessage) => {
    const ears = redis.duplicate();
    ears.on("message", onMessage);
    await ears.subscribe(channel);
  };
  const tell = (channel) => redis.publish(channel, "");
  return { execute, listen, tell, ping: () => redis.ping(), version: require("ioredis/package.json").version };
}

// A lock by hand over ioredis' Cluster. It asks again until the lock is free, as the official package does with one server.
async function openBareCluster({ startupNodes }) {
  const { Cluster } = require("ioredis");
  const cluster = new Cluster(startupNodes, { scripts: { giveBack: { numberOfKeys: 1, lua: COMPARE_AND_DELETE } } });
  await new Promise((resolve, reject) => cluster.once("ready", resolve).once("end", () => reject(new Error("no cluster"))));
  const execute = lockByHand({
    take: async (name, owner, leaseMs) => (await cluster.set(name, owner, "PX", leaseMs, "NX")) === "OK",
    giveBack: (name, owner) => cluster.giveBack(name, owner),
  });
  return { execute, version: require("ioredis/package.json").version };
}
