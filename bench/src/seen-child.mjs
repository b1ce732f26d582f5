// One process that measures the cost of visible locks: the commands of an idle provider, the time until a self-deadlock is reported, and
// executes per second at 256 at once on distinct keys. The variants are: plain, with a label on each call, while an operator asks ten times
// a second, with metrics, and with detectSelfDeadlock. They take turns in this process. `MLR_INSTALLED` names the folder whose packages it
// uses.

import { setTimeout as sleep } from "node:timers/promises";
import { requireInstalled } from "../../harness/installed.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";
import { connect } from "../../harness/resp-client.mjs";

const { url, port, rounds, calls } = JSON.parse(process.argv[2]);

const AT_ONCE = 256;
const IDLE_MS = 5_000;
const ASK_EVERY_MS = 100;
const DEADLOCKS = 50;

async function perSecond({ locking }, args) {
  let left = calls;
  const caller = async (at) => {
    while (left-- > 0) await locking.execute(`k${at}`, async () => {}, args);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => caller(at)));
  return (calls * 1_000) / (performance.now() - began);
}

/** Asks again and again, over its own connections, until the returned function is called. */
function keepAsking() {
  const { createLocks } = requireInstalled("medusa-locking-redis/client");
  const locks = createLocks({ url });
  // The last question may be under way at the end.
  const timer = setInterval(() => locks.locks().catch(() => {}), ASK_EVERY_MS);
  return async () => {
    clearInterval(timer);
    await locks.close();
  };
}

/** Registers OpenTelemetry's metrics until the returned function is called. */
function collectMetrics() {
  const { metrics } = requireInstalled("@opentelemetry/api");
  const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } =
    requireInstalled("@opentelemetry/sdk-metrics");
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 10_000 })] });
  metrics.setGlobalMeterProvider(provider);
  return async () => {
    metrics.disable();
    await provider.shutdown();
  };
}

async function commandsWhileIdle(observer) {
  const processed = async () => Number(/total_commands_processed:(\d+)/.exec(await observer.command("INFO", "stats"))[1]);
  // The commands of one look are subtracted.
  const [first, before] = [await processed(), await processed()];
  await sleep(IDLE_MS);
  return (await processed()) - before - (before - first);
}

/** How long each of some jobs waits for the error that says that the job waits for itself. */
async function deadlocksToldAfterMs({ locking }) {
  const waits = [];
  for (let at = 0; at < DEADLOCKS; at += 1) {
    await locking.execute("cart", async () => {
      const asked = performance.now();
      const error = await locking.execute("cart", async () => {}).catch((reason) => reason);
      if (error?.code !== "LOCK_SELF_DEADLOCK") throw new Error(`no self-deadlock was told, but ${error}`);
      waits.push(performance.now() - asked);
    });
  }
  return waits;
}

async function measure() {
  const observer = await connect({ port });
  const boot = (options) => bootLocking({ providers: [providerEntry({ redisUrl: url, ...options })] });
  const booted = await boot({});
  await perSecond(booted);
  const idleCommands = await commandsWhileIdle(observer);
  const detecting = await boot({ detectSelfDeadlock: true });
  const toldAfterMs = await deadlocksToldAfterMs(detecting);
  const during = async (begin) => {
    const stop = begin();
    const rate = await perSecond(booted);
    await stop();
    return rate;
  };
  const variants = {
    plain: () => perSecond(booted),
    again: () => perSecond(booted),
    labelled: () => perSecond(booted, { label: "a label of some length" }),
    asked: () => during(keepAsking),
    metrics: () => during(collectMetrics),
    detectSelfDeadlock: () => perSecond(detecting),
  };
  const names = Object.keys(variants);
  const rates = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const rate = await variants[name]();
      // The first round warms up.
      if (round > 0) rates[name].push(rate);
    }
  }
  await booted.shutdown();
  await detecting.shutdown();
  observer.close();
  return { idleCommands, idleMs: IDLE_MS, toldAfterMs, rates };
}

process.send(await measure());
process.disconnect();
