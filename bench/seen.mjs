// What it costs that locks can be seen: the commands of an idle provider, and executes per second at 256 at once on distinct keys, plain, with a
// label on each call, while an operator asks ten times a second, with metrics, and with detectSelfDeadlock. They take turns in one process.
// Run node scripts/install-packed.mjs before.

import { setTimeout as sleep } from "node:timers/promises";
import { readCommandLine } from "../harness/command-line.mjs";
import { requireInstalled } from "../harness/installed.mjs";
import { bootLocking, providerEntry } from "../harness/locking-module.mjs";
import { runMain } from "../harness/process.mjs";
import { startServer } from "../harness/redis-servers.mjs";
import { median } from "./src/stats.mjs";

const AT_ONCE = 256;
const CALLS = 40_000;
const IDLE_MS = 5_000;
const ASK_EVERY_MS = 100;
const USAGE = `usage: node bench/seen.mjs [--rounds N]
  --rounds N   rounds after the first, which warms up (default 9)`;

async function perSecond({ locking }, args) {
  let left = CALLS;
  const caller = async (at) => {
    while (left-- > 0) await locking.execute(`k${at}`, async () => {}, args);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => caller(at)));
  return (CALLS * 1_000) / (performance.now() - began);
}

/** Asks again and again, by connections of its own, until the returned function is called. */
function keepAsking(url) {
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

async function commandsWhileIdle(server) {
  const processed = async () => Number(/total_commands_processed:(\d+)/.exec(await server.cli("INFO", "stats"))[1]);
  // What one look costs is taken off.
  const [first, before] = [await processed(), await processed()];
  await sleep(IDLE_MS);
  return (await processed()) - before - (before - first);
}

await runMain(async () => {
  const { rounds } = readCommandLine({ usage: USAGE, flags: { rounds: { kind: "number", range: [1, 50], default: 9 } } });
  const server = await startServer();
  const boot = (options) => bootLocking({ providers: [providerEntry({ redisUrl: server.url, ...options })] });
  const booted = await boot({});
  await perSecond(booted);
  console.log(`idle: ${await commandsWhileIdle(server)} commands in ${IDLE_MS / 1_000} s`);
  const detecting = await boot({ detectSelfDeadlock: true });
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
    asked: () => during(() => keepAsking(server.url)),
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
  for (const name of names) {
    const ratios = rates[name].map((rate, at) => rate / rates.plain[at]);
    const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
    console.log(`${name}: ${Math.round(median(rates[name]))} executes/s, ${median(ratios).toFixed(3)} of plain (${range})`);
  }
  await booted.shutdown();
  await detecting.shutdown();
  await server.stop();
});
