import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type * as Native from "../../../native";

const NAME = "medusa-locking-redis";
const SUPPORTED = "Linux (glibc and musl), macOS and Windows on x64 and arm64";
/** The part of a platform package's name after platform and architecture. */
const VARIANTS: Record<string, readonly string[]> = { linux: ["-gnu", "-musl"], darwin: [""], win32: ["-msvc"] };

/**
 * Loads the addon. Throws an error if it cannot be loaded. The first line of the error says why: not for this platform, not in this installation,
 * or not in this process.
 */
export function loadNative(): typeof Native {
  let native: typeof Native;
  try {
    native = require("../../../native");
  } catch (cause) {
    throw new Error(whyNot(cause), { cause });
  }
  const other = loadedOfOtherVersion();
  if (other) {
    throw new Error(failure(other));
  }
  return native;
}

function failure(reason: string): string {
  return `${NAME} could not load its addon for ${process.platform}-${process.arch}: ${reason}`;
}

function whyNot(error: unknown): string {
  const variants = VARIANTS[process.platform];
  if (!variants || !["x64", "arm64"].includes(process.arch)) {
    return `${NAME} has no addon for ${process.platform}-${process.arch}. It runs on ${SUPPORTED}.`;
  }
  const troubles = messagesOf(error);
  if (troubles.some((trouble) => /addons? (is|are) disabled/.test(trouble))) {
    return failure(
      "permission" in process && process.permission
        ? "Node.js' permission model forbids addons. Start Node.js with --allow-addons as well."
        : "addons are switched off in this process. Start Node.js without --no-addons, which may also stand in NODE_OPTIONS.",
    );
  }
  const names = variants.map((variant) => `${NAME}-${process.platform}-${process.arch}${variant}`);
  const other = names.map((name) => ofOtherVersion(manifestOf(name))).find((reason) => reason !== undefined);
  const missing = (trouble: string) => trouble.startsWith("Cannot find");
  const reason = other ?? glibcTooOld(troubles) ?? troubles.find((trouble) => !missing(trouble) && trouble !== "");
  return failure(
    reason ??
      "it is in an optional dependency of the package, which package managers leave out when told to (--no-optional, --omit=optional) or when node_modules was made on another platform: install again on this machine.",
  );
}

/** The first lines of an error and of its causes. */
function messagesOf(error: unknown): string[] {
  const messages: string[] = [];
  for (let at = error; at instanceof Error && messages.length < 50; at = at.cause) {
    messages.push(at.message.split("\n", 1)[0] ?? "");
  }
  return messages;
}

/**
 * Reads the needed version from the system loader's message: "libc.so.6: version `GLIBC_2.34' not found (required by ...)". The message is the same
 * for libm and others.
 */
function glibcTooOld(troubles: string[]): string | undefined {
  const needed = troubles.map((trouble) => /version [`'"]GLIBC_([\d.]+)['"] not found/.exec(trouble)?.[1]).find(Boolean);
  if (!needed) {
    return undefined;
  }
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  const there = report?.header?.glibcVersionRuntime ?? "an older one";
  return `it needs glibc ${needed} or newer, and this system has ${there}. Use a newer system or base image, or one with musl (Alpine).`;
}

/** Why the loaded addon does not fit, if its package has a different version from this one. */
function loadedOfOtherVersion(): string | undefined {
  const binding = bindingFile();
  const files = (binding && require.cache?.[binding]?.children?.map(({ filename }) => filename)) || [];
  const addon = files.find((file) => file.endsWith(".node"));
  return addon && ofOtherVersion(readManifest(join(dirname(addon), "package.json")));
}

/** A bundle has no such file, and nothing to compare: its maker put binding and addon into it together. */
function bindingFile(): string | undefined {
  try {
    return require.resolve("../../../native");
  } catch {
    return undefined;
  }
}

interface Manifest {
  name: string;
  version: string;
}

function ofOtherVersion(manifest: Manifest | undefined): string | undefined {
  const own = readManifest(join(__dirname, "../../../package.json"));
  if (!manifest || !own || manifest.version === own.version) {
    return undefined;
  }
  return `the package ${manifest.name} is of version ${manifest.version}, and ${NAME} of ${own.version}. Install again, so that both are of one version.`;
}

function manifestOf(name: string): Manifest | undefined {
  try {
    return readManifest(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
