import { existsSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { lockError } from "../client/errors";

/** @internal The provider's options in a shop's configuration, and those of the Locking Module around it. */
export interface ConfiguredOptions {
  options: Record<string, unknown>;
  moduleOptions: Record<string, unknown>;
}

/** The parts of a `medusa-config.ts` that are read. */
interface ConfigFile {
  configModule: { modules?: unknown } | null;
  error: unknown;
}

const NAME = "medusa-locking-redis";

/**
 * @internal Reads `medusa-config.ts`, or `.js`, with the shop's own Medusa, and finds the entry of this package in it. Throws
 * INVALID_OPTION.
 */
export async function readShopConfig(file: string): Promise<ConfiguredOptions> {
  const path = resolve(file);
  if (!existsSync(path) || !statSync(path).isFile()) {
    throw configError(`there is no file ${file}`);
  }
  const require = createRequire(path);
  const { getConfigFile } = loadMedusa(require, file);
  registerTypeScript(require, path);
  const { configModule, error } = await inFolder(dirname(path), () => getConfigFile(dirname(path), basename(path)));
  if (error || !configModule) {
    const reason = error instanceof Error ? error.message : String(error);
    throw configError(`${file} cannot be read: ${reason.split("\n", 1)[0]}`);
  }
  return findEntry(configModule.modules, require, file);
}

/** Medusa looks for modules and for .env in the current folder. When Medusa runs, this is the shop's folder. */
async function inFolder<T>(folder: string, call: () => Promise<T>): Promise<T> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    return await call();
  } finally {
    process.chdir(before);
  }
}

function loadMedusa(require: NodeJS.Require, file: string): { getConfigFile(folder: string, name: string): Promise<ConfigFile> } {
  try {
    return require("@medusajs/framework/utils");
  } catch (error) {
    throw configError(
      `Medusa (@medusajs/framework) is not installed for ${file}, or cannot be loaded: ${String((error as Error).message).split("\n", 1)[0]}`,
    );
  }
}

/** Registers ts-node, as Medusa's own command does. Newer versions of Node.js read TypeScript by themselves. */
function registerTypeScript(require: NodeJS.Require, path: string): void {
  if (!/\.[cm]?ts$/.test(path)) {
    return;
  }
  try {
    require("ts-node").register({ cwd: dirname(path), transpileOnly: true });
  } catch {
    // Without ts-node, Node.js itself has to read the file.
  }
}

function findEntry(modules: unknown, require: NodeJS.Require, file: string): ConfiguredOptions {
  const list = Array.isArray(modules) ? modules : Object.values((modules ?? {}) as Record<string, unknown>);
  for (const module of list) {
    const moduleOptions = recordOf(recordOf(module).options);
    const providers = Array.isArray(moduleOptions.providers) ? moduleOptions.providers : [];
    const entry = providers.map(recordOf).find(({ resolve: name }) => isOurs(name, require));
    if (entry) {
      // If a provider has no options, Medusa gives it the options of the module.
      return { options: entry.options ? recordOf(entry.options) : moduleOptions, moduleOptions };
    }
  }
  throw configError(`${file} has no Locking Module with a provider "${NAME}"`);
}

function configError(message: string): Error {
  return lockError("INVALID_OPTION", message);
}

/** Whether a provider is this package, by its name or by a path to this package. */
function isOurs(name: unknown, require: NodeJS.Require): boolean {
  if (typeof name !== "string") {
    return false;
  }
  if (name === NAME) {
    return true;
  }
  try {
    return realpathSync(require.resolve(name)) === realpathSync(join(__dirname, "..", "..", "..", "index.js"));
  } catch {
    return false;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
