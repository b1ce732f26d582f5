// The scenes of the teardown tests, for processes and threads of their own. `load` makes a provider as Medusa does, without Medusa's module
// around it. The first argument names the scene to play.

import { fileURLToPath } from "node:url";
import { parentPort, threadId, Worker, workerData } from "node:worker_threads";
import { requireInstalled } from "../../harness/installed.mjs";

const FOREVER = new Promise(() => {});
const [scene, url, ...rest] = workerData ?? process.argv.slice(2);

/** Makes a provider with a client of its own, through the package's loader. */
async function load(redisOptions) {
  const { asValue } = requireInstalled("@medusajs/framework/awilix");
  const { createMedusaContainer } = requireInstalled("@medusajs/framework/utils");
  const { default: provider } = requireInstalled("medusa-locking-redis");
  const container = createMedusaContainer();
  const quiet = { info() {}, warn() {}, error() {} };
  container.register("logger", asValue(quiet));
  await provider.loaders[0]({ container, logger: quiet, options: { redisUrl: url, redisOptions }, moduleOptions: {} });
  return new provider.services[0](container.cradle);
}

/** Executes on keys of this thread only, until `isOver` returns true. */
async function executeUntil(provider, isOver) {
  const caller = async (name) => {
    for (let count = 0; count < 1_000_000 && !isOver(); count += 1) await provider.execute(`${threadId}-${name}`, async () => {});
  };
  await Promise.all(Array.from({ length: 20 }, (_, name) => caller(name)));
}

function startWorker(end) {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: ["worker", url, end] });
  return new Promise((resolve, reject) => {
    worker.on("message", () => (end === "terminate" ? worker.terminate() : worker.postMessage("end")));
    worker.on("error", reject);
    worker.on("exit", resolve);
  });
}

const SCENES = {
  /** Ends as its third argument says, while its load runs. */
  async worker() {
    const [end] = rest;
    const provider = await load();
    let over = false;
    parentPort.once("message", () => {
      over = true;
      if (end === "exit") process.exit(3);
    });
    setTimeout(() => parentPort.postMessage("loaded"), 200);
    await executeUntil(provider, () => over);
  },

  /** The main thread never loads the addon. It starts workers that do, first one after the other, then at once. */
  async workers() {
    const codes = [];
    for (const end of ["terminate", "exit", "return", "terminate", "exit", "return"]) codes.push(await startWorker(end));
    codes.push(...(await Promise.all(["terminate", "exit", "return", "terminate"].map(startWorker))));
    console.log(JSON.stringify(codes));
  },

  /** The main thread and workers use the addon at once. */
  async both() {
    const provider = await load();
    let over = false;
    const main = executeUntil(provider, () => over);
    await Promise.all(["terminate", "return", "exit"].map(startWorker));
    over = true;
    await main;
    console.log("done");
  },

  async idle() {
    const provider = await load();
    await provider.execute("k", async () => {});
    console.log("idle");
  },

  /** Only a call under way keeps the process alive. The call is answered before the process ends. */
  async pending() {
    const provider = await load();
    await provider.acquire("k", { ownerId: "me", expire: 2 });
    provider.execute("k", async () => console.log("answered"), { timeout: 20 });
  },

  /** Only results that are not delivered yet keep the process alive. The turns of its event loop get long. */
  async results() {
    const provider = await load();
    const calls = Array.from({ length: 2_000 }, async (_, at) => {
      await provider.execute(`k${at}`, async () => {});
      for (const end = performance.now() + 0.05; performance.now() < end; );
    });
    Promise.all(calls).then(() => console.log("all are told"));
  },

  /** Ends in a job whose lock was just handed over to it. */
  async handed() {
    const provider = await load();
    await provider.execute("k", () => process.exit(0), { timeout: 20 });
  },

  /** Ends while a call has the first of its two keys and waits for the other, which the test holds. */
  async between() {
    const provider = await load();
    provider.execute(["a", "b"], () => FOREVER, { timeout: 20 });
    console.log("waiting");
    process.on("message", () => process.exit(0));
  },

  /** A call is refused without a command to Redis, because its provider has given up the connection. */
  async refused() {
    const provider = await load({ retryStrategy: null });
    provider.execute("k", async () => {}).catch((error) => console.log(error.message));
  },

  /** Ends in the way that the third argument names, with fifty jobs running and fifty more calls on their way. */
  async ending() {
    const [how] = rest;
    const provider = await load();
    await Promise.all(
      Array.from(
        { length: 50 },
        (_, at) =>
          new Promise((held) =>
            provider.execute(`held-${at}`, () => {
              held();
              return FOREVER;
            }),
          ),
      ),
    );
    for (let at = 0; at < 50; at += 1) provider.execute(`sent-${at}`, () => FOREVER);
    console.log("holding");
    if (how === "throw") {
      setImmediate(() => {
        throw new Error("on purpose");
      });
    } else if (how === "exit") {
      // By now the calls have been sent, but cannot have been answered.
      setImmediate(() => process.exit(0));
    } else if (how === "hung") {
      process.on("message", () => process.exit(0));
    } else {
      setInterval(() => {}, 1_000);
    }
  },

  /** Makes providers that nobody uses any more. */
  async collected() {
    for (let count = 0; count < 300; count += 1) {
      const provider = await load();
      await provider.execute("k", async () => {});
    }
    process.on("message", (wish) => {
      if (wish === "end") return process.disconnect();
      globalThis.gc();
      process.send("collected");
    });
    process.send("made");
  },

  /** Makes, uses and shuts down two thousand providers. Reports the memory after each half. */
  async cycles() {
    const half = async () => {
      for (let count = 0; count < 1_000; count += 1) {
        const provider = await load();
        await provider.execute("k", async () => {});
        await provider.shutdown();
      }
      globalThis.gc();
      return process.memoryUsage().rss;
    };
    const rss = [await half(), await half()];
    console.log(JSON.stringify({ rss, handles: process._getActiveHandles().length }));
  },
};

await SCENES[scene]();
