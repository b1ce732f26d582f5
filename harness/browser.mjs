// A real Chromium without a window, driven by playwright-core.

import { chromium } from "playwright-core";
import { findOnPath, UserError } from "./process.mjs";
import { installAdvice, installSystemPackage } from "./system-packages.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const SYSTEM_PACKAGES = { "apt-get": "chromium", dnf: "chromium", apk: "chromium", pacman: "chromium" };

function findBrowser() {
  return NAMES.map(findOnPath).find((file) => file !== undefined);
}

/**
 * Starts the Chromium of the PATH. If it is missing and this process is root, it is installed. It ends with this process.
 *
 * @returns {Promise<import("playwright-core").Browser>}
 * @throws {UserError} when there is none; the message says what to do
 */
export async function startBrowser() {
  if (!findBrowser()) await installSystemPackage(SYSTEM_PACKAGES);
  const executablePath = findBrowser();
  if (!executablePath) throw new UserError(`there is no Chromium: ${installAdvice(SYSTEM_PACKAGES)}`);
  // Chromium's own sandbox refuses to run as root.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath, args });
}
