// Clients without Medusa on a private Redis.

import { afterEach } from "node:test";
import { OURS, requireInstalled } from "../../harness/installed.mjs";
import { openTestbed } from "../support/testbed.mjs";

export const { createLocks, LockError } = requireInstalled(`${OURS}/client`);

/** A testbed, and `client(more)`, which makes a client on its server that is closed after the test. */
export function openLocks() {
  const bed = openTestbed();
  const made = [];
  afterEach(async () => {
    for (const locks of made.splice(0)) await locks.close();
  });
  const client = (more = {}) => {
    const locks = createLocks(placeOf(bed, more));
    made.push(locks);
    return locks;
  };
  return { bed, client };
}

/** The options of `createLocks` for the topology under test, together with `more`. */
export function placeOf(bed, more = {}) {
  const { redisUrl: url, ...place } = bed.options();
  return { ...(url === undefined ? {} : { url }), ...place, ...more };
}
