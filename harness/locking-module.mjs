// Boots Medusa's real Locking Module, through MedusaApp and the real loaders, as a server does.

import { inspect } from "node:util";
import { INSTALLED, requireInstalled, UNDER_TEST } from "./installed.mjs";

// Medusa resolves the string in `resolve` from the current folder.
process.chdir(INSTALLED);

const { MedusaApp, MedusaModule } = requireInstalled("@medusajs/framework/modules-sdk");
const { ContainerRegistrationKeys, Modules } = requireInstalled("@medusajs/framework/utils");

/** A module in place of Medusa's link modules, which these tests do not install. */
const NO_LINKS = { initialize: async () => [], getMigrationPlanner: () => {} };

const LEVELS = ["debug", "info", "warn", "error", "log", "http", "verbose", "silly", "panic", "success", "failure", "progress", "activity"];

/**
 * A logger that stores its lines. Strings are stored as they are, other values in the form of `util.inspect`.
 *
 * @returns {{ logger: object, logs: { level: string, text: string }[] }}
 */
export function recordingLogger() {
  const logs = [];
  const show = (value) => (typeof value === "string" ? value : inspect(value, { depth: 6 }));
  const record =
    (level) =>
    (...args) => {
      logs.push({ level, text: args.map(show).join(" ") });
    };
  return { logger: Object.fromEntries(LEVELS.map((level) => [level, record(level)])), logs };
}

/**
 * An entry of the module's `providers`, as `medusa-config.ts` would contain it.
 *
 * @param {object | undefined} options the provider's options
 * @param {object} [entry] more fields of the entry; `resolve`, `id` and `is_default` may be replaced (`undefined` leaves one out)
 */
export function providerEntry(options, entry = {}) {
  const made = { resolve: UNDER_TEST, id: "locking-redis", is_default: true, options, ...entry };
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined));
}

/**
 * @param {object} [config]
 * @param {object[]} [config.providers] entries of the module's `providers`; passed on as the very same array
 * @param {object} [config.options] further options of the module
 * @param {object} [config.moduleOptions] the module's whole `options` object, used as it is; instead of the two above
 * @param {object} [config.logger] default a logger that stores its lines
 * @returns {Promise<Booted>}
 * @throws the error of Medusa; `error.logs` holds the lines that were logged until then
 */
export async function bootLocking({ providers = [], options = {}, moduleOptions, logger } = {}) {
  const recording = recordingLogger();
  const moduleConfig = moduleOptions ?? { ...options, providers };
  // Medusa keeps modules by a hash of their configuration: a second boot would get the first one's instance.
  MedusaModule.clearInstances();
  let app;
  try {
    app = await MedusaApp({
      modulesConfig: {
        [Modules.LOCKING]: { resolve: "@medusajs/locking", options: moduleConfig },
        [Modules.LINK]: NO_LINKS,
      },
      injectedDependencies: { [ContainerRegistrationKeys.LOGGER]: logger ?? recording.logger },
      cwd: INSTALLED,
    });
  } catch (error) {
    // Medusa keeps a second, unhandled promise of a boot that failed, which would end this process.
    for (const promise of MedusaModule.loading_.values()) promise.catch(() => {});
    MedusaModule.loading_.clear();
    throw Object.assign(error, { logs: recording.logs });
  }
  return new Booted(app, moduleConfig, recording.logs);
}

class Booted {
  #app;
  #config;
  #down;

  /** The Locking Module's service: `acquire`, `release`, `releaseAll`, `execute`. */
  locking;

  /** Everything logged so far: `{ level, text }`. */
  logs;

  constructor(app, config, logs) {
    this.#app = app;
    this.#config = config;
    this.logs = logs;
    this.locking = app.modules[Modules.LOCKING];
  }

  /** The present entries of the module's `providers`. */
  get entries() {
    return this.#config.providers ?? [];
  }

  /** The texts of all lines that were logged so far, one per line. */
  get logText() {
    return this.logs.map((line) => `${line.level}: ${line.text}`).join("\n");
  }

  /**
   * The provider itself, behind the module.
   *
   * @param {string} [id] default the module's default provider
   */
  provider(id = this.locking.defaultProviderId) {
    return this.locking.providerService_.retrieveProviderRegistration(id);
  }

  /** Ends the application as Medusa does at SIGTERM, with all that was booted in this process. */
  endApplication() {
    return this.#app.onApplicationShutdown();
  }

  /** Shuts down the providers of this boot only. May be called twice. */
  shutdown() {
    this.#down ??= this.#shutDown();
    return this.#down;
  }

  async #shutDown() {
    for (const entry of this.entries) {
      let provider;
      try {
        provider = this.provider(entry.id);
      } catch {
        continue;
      }
      await provider.shutdown?.();
      // The official provider has no shutdown, so its connection would keep the process alive.
      provider.redisClient?.disconnect();
    }
  }
}
