// The lock that a user would write by hand: SET NX and compare-and-delete, with retries after 5 to 200 ms. One key per lock, no renewal.

import { randomUUID } from "node:crypto";

/** Deletes a key if it still contains the owner. */
export const COMPARE_AND_DELETE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/**
 * @param {object} client
 * @param {(name: string, owner: string, leaseMs: number) => Promise<boolean>} client.take SET NX PX; whether it set the key
 * @param {(name: string, owner: string) => Promise<any>} client.giveBack runs `COMPARE_AND_DELETE`
 * @returns {(key: string, job: Function, args?: { timeout?: number, expire?: number }) => Promise<any>} the contestant's `execute`
 */
export function lockByHand({ take, giveBack }) {
  return async (key, job, { timeout = 5, expire = 60 } = {}) => {
    const [name, owner, end] = [`hand:${key}`, randomUUID(), Date.now() + timeout * 1_000];
    for (let pause = 5; !(await take(name, owner, expire * 1_000)); pause = Math.min(pause * 2, 200)) {
      if (Date.now() > end) throw new Error("Timed-out acquiring lock.");
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    try {
      return await job();
    } finally {
      await giveBack(name, owner);
    }
  };
}
