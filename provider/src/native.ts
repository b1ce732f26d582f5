import type * as Native from "../../native";

const SUPPORTED = "Linux (glibc and musl), macOS and Windows on x64 and arm64";

/**
 * The addon. Throws a clear error where there is none for this platform, or where its package was not installed.
 */
export function loadNative(): typeof Native {
  try {
    return require("../../native");
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    const supported = ["linux", "darwin", "win32"].includes(process.platform) && ["x64", "arm64"].includes(process.arch);
    const message = supported
      ? `medusa-locking-redis could not load its addon for ${platform}. It is in an optional dependency of the package, which package managers leave out when told to (--no-optional, --omit=optional) or when node_modules was made on another platform: install again on this machine.`
      : `medusa-locking-redis has no addon for ${platform}. It runs on ${SUPPORTED}.`;
    throw new Error(message, { cause });
  }
}
