// A store with the plugin, as a shop installs it, and a browser at its Admin.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { CACHE, ROOT } from "../../harness/paths.mjs";
import { packPlugin } from "../../harness/plugin-build.mjs";
import { findOnPath, run, runOrFail } from "../../harness/process.mjs";
import { CLI, installStore, migrateStore, STORE, storeEnvironment } from "../../harness/store-setup.mjs";

export const USER = { email: "ada@example.com", password: "only-for-this-test" };

/**
 * Packs and installs the plugin, builds the store's Admin, and makes a user.
 *
 * @returns {Promise<Record<string, string>>} the environment of the store's servers
 */
export async function setUpStore({ databaseUrl, redisUrl }) {
  await installStore(undefined, { tarballs: [await packPlugin()] });
  fs.copyFileSync(fileURLToPath(new URL("medusa-config.ts", import.meta.url)), path.join(STORE, "medusa-config.ts"));
  const env = { ...storeEnvironment({ databaseUrl, redisUrl }), NODE_ENV: "production" };
  const options = { cwd: STORE, env, timeoutMs: 400_000 };
  await runOrFail("building the store", process.execPath, [CLI, "build"], options);
  // From the folder that is deployed to the folder in which the servers run.
  fs.cpSync(path.join(STORE, ".medusa", "server", "public"), path.join(STORE, "public"), { recursive: true });
  await migrateStore(env);
  await runOrFail("making a user", process.execPath, [CLI, "user", "-e", USER.email, "-p", USER.password], options);
  return env;
}

/** Logs in to the Admin, and returns its page at the list of locks. */
export async function openLocks(browser, origin, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 640 }, ...options });
  const page = await context.newPage();
  await page.goto(`${origin}/app/login`);
  await page.locator("input[name=email]").fill(USER.email);
  await page.locator("input[name=password]").fill(USER.password);
  await page.locator("button[type=submit]").click();
  await page.waitForURL((url) => !url.pathname.endsWith("/login"));
  await page.goto(`${origin}/app/locks`);
  await page.getByRole("heading", { name: "Locks" }).waitFor();
  return page;
}

/**
 * Keeps a picture in `.cache/pictures`, or in docs/pictures with `MLR_PICTURES=write`. If pngquant is installed, it makes the picture smaller.
 *
 * @param {string} name the file's name without its ending
 * @param {Buffer} png
 */
export async function keepPicture(name, png) {
  const folder = process.env.MLR_PICTURES === "write" ? path.join(ROOT, "docs", "pictures") : path.join(CACHE, "pictures");
  fs.mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.png`);
  fs.writeFileSync(file, png);
  if (findOnPath("pngquant")) await run("pngquant", ["--force", "--skip-if-larger", "--output", file, file]);
}
