// One process that runs a workflow of Medusa again and again: acquireLockStep, a job, releaseLockStep. `MLR_INSTALLED` names the store
// whose packages it uses.

import { setTimeout as sleep } from "node:timers/promises";
import { requireInstalled } from "../../harness/installed.mjs";
import { bootLocking, providerEntry } from "../../harness/locking-module.mjs";

const { url, resolve, options, callers, jobMs, key, timeoutS } = JSON.parse(process.argv[2]);

const { asValue } = requireInstalled("@medusajs/framework/awilix");
const { createMedusaContainer, Modules } = requireInstalled("@medusajs/framework/utils");
const { createStep, createWorkflow, StepResponse } = requireInstalled("@medusajs/framework/workflows-sdk");
const { acquireLockStep, releaseLockStep } = requireInstalled("@medusajs/core-flows");

const clock = () => Number(process.hrtime.bigint()) / 1e6;
const jobStep = createStep("job", async () => {
  const began = clock();
  await sleep(jobMs);
  return new StepResponse({ began, ended: clock() });
});
const flow = createWorkflow("under-a-lock", (input) => {
  acquireLockStep(input);
  const job = jobStep();
  releaseLockStep(input);
  return job;
});

const booted = await bootLocking({ providers: [providerEntry({ redisUrl: url, ...options }, { resolve })] });
const container = createMedusaContainer();
const quiet = () => {};
container.register({
  [Modules.LOCKING]: asValue(booted.locking),
  logger: asValue({ info: quiet, warn: quiet, error: quiet, debug: quiet }),
});

async function run({ begin, from, end }) {
  const waits = [];
  let [jobs, failed, busyMs] = [0, 0, 0];
  await sleep(begin - clock());
  const one = async (caller) => {
    for (let visit = 0; clock() < end; visit += 1) {
      const asked = clock();
      try {
        const ownerId = `${process.pid}-${caller}-${visit}`;
        const input = { key, ownerId, timeout: timeoutS, ttl: 60 };
        const { began, ended } = (await flow(container).run({ input })).result;
        busyMs += Math.max(0, Math.min(ended, end) - Math.max(began, from));
        if (began >= from && began < end) {
          jobs += 1;
          waits.push(began - asked);
        }
      } catch {
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => one(caller)));
  return { jobs, failed, busyMs, waits };
}

process.on("disconnect", () => process.exit());
process.on("message", async (message) => {
  process.send(message === "clock" ? { now: clock() } : await run(message));
});
process.send("ready");
