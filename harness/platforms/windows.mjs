// Node.js for Windows under Wine.

import fs from "node:fs";
import path from "node:path";
import { runOrFail } from "../process.mjs";
import { debianPackages } from "./debian.mjs";
import { kept, LAB } from "./kept.mjs";
import { withUsrFrom } from "./namespaces.mjs";
import { nodeFor } from "./programs.mjs";
import { toolchain } from "./toolchain.mjs";

const PACKAGES = ["libwine", "wine64", "libz-mingw-w64", "libpcap0.8", "libcapi20-3"];

/** A function that Rust's standard library imports and that Wine 8 lacks. */
const BCRYPT_PRIMITIVES = `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) { return SystemFunction036(p, (ULONG)n); }
BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID l) { return TRUE; }
`;

/** Runs a program of Windows in a folder. On a Unix pipe, Wine's standard output fails with EBADF, so files take the output. */
const IN_FILES = `out=$(mktemp)
cd "$1"
shift
/usr/lib/wine/wine64 "$@" >"$out" 2>"$out.err" </dev/null
code=$?
cat "$out"
cat "$out.err" >&2
rm -f "$out" "$out.err"
exit $code`;

/** @returns {Promise<import("./surroundings.mjs").Surroundings>} */
export async function wineNode(major) {
  const node = await nodeFor(major, "win_amd64");
  const wine = await debianPackages("wine", { suite: "bookworm", packages: PACKAGES });
  const server = path.join(wine, "usr", "lib", "wine", "wineserver");
  if (!fs.existsSync(server)) fs.symlinkSync("wineserver64", server);
  const inWine = [...withUsrFrom(path.join(wine, "usr")), "env", ...Object.entries(settings()).map(([name, value]) => `${name}=${value}`)];
  await windowsFolder(wine, inWine);
  const first = [...inWine, "sh", "-c"];
  const command = (cwd) => [...first, IN_FILES, "sh", cwd, see(node.file)];
  return { name: `Node.js ${node.version}, Wine`, command, bridged: true, see, slowness: 4 };
}

/** The name of a file of this machine in Windows. */
function see(file) {
  return `Z:${file.replaceAll("/", "\\")}`;
}

function settings() {
  const prefix = path.join(LAB, "wine-c");
  return { WINEPREFIX: prefix, WINEDEBUG: "-all", WINEARCH: "win64", WINEDLLOVERRIDES: "mscoree,mshtml=", DISPLAY: "" };
}

/** Wine's drive C, with the files that Debian's packages lack. */
async function windowsFolder(wine, inWine) {
  const { WINEPREFIX } = settings();
  if (fs.existsSync(path.join(WINEPREFIX, "made"))) return;
  const env = await toolchain();
  fs.rmSync(WINEPREFIX, { recursive: true, force: true });
  const system = path.join(WINEPREFIX, "drive_c", "windows", "system32");
  fs.mkdirSync(system, { recursive: true });
  fs.copyFileSync(path.join(wine, "usr", "x86_64-w64-mingw32", "lib", "zlib1.dll"), path.join(system, "zlib1.dll"));
  const [first, ...rest] = inWine;
  const start = (what, ...args) => runOrFail(what, first, [...rest, "/usr/lib/wine/wine64", ...args], { timeoutMs: 900_000 });
  await start("making Wine's folders", "wineboot", "-i");
  await start("setting Wine's version", "winecfg", "-v", "win10");
  const work = await kept("bcryptprimitives", async (folder) => {
    const source = path.join(folder, "bcp.c");
    const library = path.join(folder, "bcryptprimitives.dll");
    fs.writeFileSync(source, BCRYPT_PRIMITIVES);
    const args = ["cc", "-target", "x86_64-windows-gnu", "-shared", "-o", library, source, "-ladvapi32"];
    await runOrFail("compiling bcryptprimitives.dll", "zig", args, { env });
  });
  fs.copyFileSync(path.join(work, "bcryptprimitives.dll"), path.join(system, "bcryptprimitives.dll"));
  fs.writeFileSync(path.join(WINEPREFIX, "made"), "");
}
