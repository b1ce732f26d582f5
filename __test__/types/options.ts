// This file is compiled, but never run. It shows valid values of `redisOptions`. Lines that must not compile are marked as expected errors.
import type { RedisOptions } from "ioredis";
import type { LockingRedisOptions } from "medusa-locking-redis";

declare const forIoredis: RedisOptions;

const redisUrl = "redis://localhost";

export const asForIoredis: LockingRedisOptions = { redisUrl, redisOptions: forIoredis };

export const spelledOut: LockingRedisOptions = {
  redisUrl,
  ttl: 30,
  redisOptions: {
    password: process.env.PASSWORD,
    db: "3",
    tls: { ca: "PEM", rejectUnauthorized: true },
    retryStrategy: (times) => (times > 3 ? null : times * 50),
    reconnectOnError: (error) => error.message.startsWith("READONLY") && 2,
    sentinels: [{ host: "one", port: 26379 }],
    name: "mymaster",
    natMap: { "10.0.0.1:6379": { host: "outside", port: 6379 } },
    maxRetriesPerRequest: null,
    lazyConnect: true,
  },
};

// @ts-expect-error there is no such option
export const misspelt: LockingRedisOptions = { redisUrl, redisOptions: { pasword: "secret" } };

// @ts-expect-error a strategy is a function
export const noFunction: LockingRedisOptions = { redisUrl, redisOptions: { retryStrategy: 50 } };

// @ts-expect-error a port is a number
export const noNumber: LockingRedisOptions = { redisUrl, redisOptions: { port: { tcp: 6379 } } };
