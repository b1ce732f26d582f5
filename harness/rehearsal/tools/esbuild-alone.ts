// A program without Medusa that esbuild bundles, with all its packages in the bundle. It prints "locked" and must then end by itself. argv:
// the URL of Redis.
import { createLocks } from "medusa-locking-redis/client";

async function main(redisUrl: string): Promise<void> {
  const locks = createLocks({ url: redisUrl });
  console.log(await locks.withLock("bundled", () => "locked"));
  await locks.close();
}

main(process.argv[2] as string);
