// Like shop.cjs, but as an ES module.

import provider, { RedisLockingProvider } from "medusa-locking-redis";

if (provider.services[0] !== RedisLockingProvider) throw new Error("the two exports are of different copies of the package");
await import("./shop.cjs");
