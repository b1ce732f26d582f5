// A shop's program that esbuild bundles. It prints "locked" and must then end by itself. argv: the URL of Redis.
import provider from "medusa-locking-redis";
import { createLocks } from "medusa-locking-redis/client";
import { play } from "./shop.play.cjs";

async function main(redisUrl: string): Promise<void> {
  const locks = createLocks({ url: redisUrl });
  const answer = await locks.withLock("bundled", () => play(provider, redisUrl));
  await locks.close();
  console.log(answer);
}

main(process.argv[2] as string);
