// Rehearses a release. It publishes all packages to a registry on this machine, with the script of the release workflow. Then it installs
// them as users do, with several package managers, test runners and a bundler, and there it boots, locks and ends. Addons of other
// platforms are stand-ins.

import fs from "node:fs";
import path from "node:path";
import { readCommandLine } from "../harness/command-line.mjs";
import { startRegistry } from "../harness/local-registry.mjs";
import { readManifest } from "../harness/packages.mjs";
import { CACHE, ROOT } from "../harness/paths.mjs";
import { run, runMain, runOrFail, UserError } from "../harness/process.mjs";
import { startServer } from "../harness/redis-servers.mjs";
import { MANAGERS } from "../harness/rehearsal/managers.mjs";
import { TOOLS } from "../harness/rehearsal/tools.mjs";
import { ensureBuilt, ensureNodeModules } from "../harness/setup.mjs";

const USAGE = `usage: npm run rehearse -- [--only a,b]
  --only   package managers: ${Object.keys(MANAGERS).join(", ")};
           tools, with npm 10: ${Object.keys(TOOLS).join(", ")} (default all)`;
const FOLDER = path.join(CACHE, "rehearsal");
const SHOP = path.join(ROOT, "harness", "rehearsal");
const INSTALL_LIMIT_MS = 600_000;
/** A process that does not end by itself has failed. */
const PLAY_LIMIT_MS = 60_000;
/** The ways in which TypeScript looks for packages. */
const RESOLUTIONS = { Node16: "Node16", NodeNext: "NodeNext", ESNext: "Bundler" };

async function publish({ url, userconfig }) {
  const addons = path.join(FOLDER, "addons");
  fs.mkdirSync(addons, { recursive: true });
  const addon = fs.readdirSync(ROOT).find((name) => name.endsWith(".node"));
  fs.copyFileSync(path.join(ROOT, addon), path.join(addons, addon));
  const args = [path.join(ROOT, "scripts", "publish.mjs"), "--addons", addons, "--registry", url, "--stand-ins"];
  const env = { npm_config_userconfig: userconfig, npm_config_cache: path.join(FOLDER, "caches", "publish") };
  await runOrFail("publishing", process.execPath, args, { cwd: ROOT, env, show: true });
}

/** An empty project that depends on the package, and on Medusa as every shop does. */
function makeProject(name, manager, registry, more = {}) {
  const { version, devDependencies } = readManifest(ROOT);
  const wanted = ["@medusajs/framework", "@types/node", "typescript"].map((one) => [one, devDependencies[one]]);
  const dependencies = { "medusa-locking-redis": version, ...Object.fromEntries(wanted), ...more };
  const folder = path.join(FOLDER, name.replace(" ", "-"));
  fs.mkdirSync(folder);
  const files = { "package.json": JSON.stringify({ name: "shop", private: true, dependencies }), ...manager.files(registry) };
  for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, file), text);
  for (const file of fs.readdirSync(SHOP).filter((one) => one.startsWith("shop.")))
    fs.copyFileSync(path.join(SHOP, file), path.join(folder, file));
  return folder;
}

/**
 * Runs steps in a project, one after the other, and records the failures.
 *
 * @returns `steps`: for each step the reason of its failure, or `undefined`, and its output. `step` runs one step and returns whether it
 *   succeeded. `locks` also requires that the step printed "locked"
 */
function stepsIn(folder, env) {
  const steps = {};
  const step = async (what, command, args, limitMs) => {
    const { code, stdout, tail } = await run(command, args, { cwd: folder, env, timeoutMs: limitMs });
    steps[what] = { failed: code === 0 ? undefined : tail, stdout };
    return code === 0;
  };
  const locks = async (what, command, args) => {
    const ended = await step(what, command, args, PLAY_LIMIT_MS);
    if (ended && steps[what].stdout.trim() !== "locked") steps[what].failed = `it printed ${JSON.stringify(steps[what].stdout)}`;
  };
  return { steps, step, locks };
}

/** The steps of a user with one package manager. */
async function stranger(name, registry, redisUrl) {
  const manager = MANAGERS[name];
  const folder = makeProject(name, manager, registry);
  const env = { npm_config_userconfig: registry.userconfig, ...manager.env?.(path.join(FOLDER, "caches")) };
  const [program, ...first] = await manager.command();
  const { steps, step, locks } = stepsIn(folder, env);
  if (!(await step("install", program, [...first, ...manager.install], INSTALL_LIMIT_MS))) return steps;
  const node = manager.node ? [program, ...first, ...manager.node] : [process.execPath];
  await locks("require", node[0], [...node.slice(1), "shop.cjs", redisUrl]);
  await locks("import", node[0], [...node.slice(1), "shop.mjs", redisUrl]);
  // TypeScript finds packages in node_modules only, and its result does not depend on the package manager that put them there.
  const tsc = path.join(folder, "node_modules", "typescript", "bin", "tsc");
  if (!fs.existsSync(tsc)) return steps;
  for (const [module, moduleResolution] of Object.entries(RESOLUTIONS)) {
    const args = ["--noEmit", "--strict", "--skipLibCheck", "--target", "ES2022", "--types", "node", "--module", module];
    await step(
      `tsc ${moduleResolution}`,
      process.execPath,
      [tsc, ...args, "--moduleResolution", moduleResolution, "shop.ts"],
      PLAY_LIMIT_MS,
    );
  }
  return steps;
}

/** The steps of a user with a test runner or a bundler. */
async function toolUser(name, registry, redisUrl) {
  const tool = TOOLS[name];
  const manager = MANAGERS.npm10;
  const folder = makeProject(name, manager, registry, tool.packages);
  for (const [file, source] of Object.entries(tool.sources)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.copyFileSync(path.join(SHOP, "tools", source), path.join(folder, file));
    // The source needs the file shop.play.cjs beside it.
    fs.copyFileSync(path.join(SHOP, "shop.play.cjs"), path.join(folder, path.dirname(file), "shop.play.cjs"));
  }
  for (const [file, text] of Object.entries(tool.files ?? {})) fs.writeFileSync(path.join(folder, file), text);
  const env = { npm_config_userconfig: registry.userconfig, ...manager.env(path.join(FOLDER, "caches")), REDIS_URL: redisUrl };
  const [program, ...first] = await manager.command();
  const { steps, step, locks } = stepsIn(folder, env);
  if (!(await step("install", program, [...first, ...manager.install], INSTALL_LIMIT_MS))) return steps;
  for (const [what, args] of Object.entries(tool.steps)) {
    if (tool.prints?.includes(what)) await locks(what, process.execPath, [...args, redisUrl]);
    else await step(what, process.execPath, args, PLAY_LIMIT_MS);
  }
  return steps;
}

await runMain(async () => {
  const names = [...Object.keys(MANAGERS), ...Object.keys(TOOLS)];
  const { only } = readCommandLine({ usage: USAGE, flags: { only: { kind: "names", known: names, default: names } } });
  await ensureNodeModules({ log: console.log });
  await ensureBuilt({ log: console.log });
  fs.rmSync(FOLDER, { recursive: true, force: true });
  fs.mkdirSync(path.join(FOLDER, "caches"), { recursive: true });
  const registry = await startRegistry(["medusa-locking-redis", "medusa-plugin-locks"]);
  const redis = await startServer();
  const failures = [];
  try {
    await publish(registry);
    console.log(`\nNode.js ${process.version}`);
    for (const name of only) {
      const steps = await (name in TOOLS ? toolUser : stranger)(name, registry, redis.url);
      const failed = Object.entries(steps).filter(([, { failed }]) => failed !== undefined);
      failures.push(...failed.map(([what, { failed }]) => `${name}, ${what}:\n${failed}`));
      console.log(
        `${name.padEnd(20)}${Object.entries(steps)
          .map(([what, { failed }]) => `${what} ${failed === undefined ? "ok" : "FAILED"}`)
          .join(", ")}`,
      );
    }
  } finally {
    await redis.stop();
    await registry.stop();
  }
  if (failures.length > 0) throw new UserError(`${failures.join("\n\n")}\n\nthe projects are in ${FOLDER}`);
  fs.rmSync(FOLDER, { recursive: true });
});
