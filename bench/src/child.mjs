// One contestant in its own process, so that its CPU time can be measured alone. It does the tasks that its parent sends, one at a time.

import { openContestant } from "./contestants.mjs";
import { FLEET_TASKS } from "./fleet-tasks.mjs";
import { openPeer, PEERS } from "./peers/contestants.mjs";
import { PEER_TASKS } from "./peers/tasks.mjs";
import { SCALE_TASKS } from "./scale-tasks.mjs";
import { STEADY_TASKS } from "./steady-tasks.mjs";
import { TASKS } from "./tasks.mjs";

const [name, url, options] = process.argv.slice(2);
const ROOMS = [TASKS, FLEET_TASKS, SCALE_TASKS, STEADY_TASKS, PEER_TASKS];
const ALL_TASKS = Object.assign({}, ...ROOMS);
// If two tasks had the same name, one of them would never run.
const names = ROOMS.flatMap(Object.keys);
if (names.length > Object.keys(ALL_TASKS).length) throw new Error(`tasks of the same name: ${names.join(", ")}`);
const tell = (message) => new Promise((resolve) => process.send(message, resolve));

process.on("disconnect", () => process.exit());

try {
  const contestant = await (PEERS.includes(name) ? openPeer(name, url) : openContestant(name, url, JSON.parse(options)));
  process.on("message", async ({ task, params }) => {
    // A message without a task is for the task that is running.
    if (task === undefined) return;
    try {
      await tell({ result: await ALL_TASKS[task](contestant, params, tell) });
    } catch (error) {
      await tell({ failed: `${name}, ${task}: ${error.stack}` });
    }
  });
  await tell({ ready: { version: contestant.version } });
} catch (error) {
  await tell({ failed: `${name}: ${error.message}` });
  process.exit(1);
}
