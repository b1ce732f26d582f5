import { hostname, userInfo } from "node:os";
import { createInterface } from "node:readline";
import { holderInWords } from "../inspect/explain";
import type { LockStatus } from "../inspect/lock-status";
import { findLock } from "../inspect/locks";
import { typed } from "../inspect/words";
import { CommandError, EXIT, usageError } from "./exit-codes";
import type { Session } from "./session";
import { connectedNow, linesOf, lockNamed } from "./show";
import { print, printJson } from "./terminal";

/** @internal Takes a lock away from its holder. */
export async function release(session: Session): Promise<number> {
  const { inspector, settings, given } = session;
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY;
  if (!given.has("yes") && !isTerminal) {
    throw usageError("there is no terminal to ask at: --yes releases without a question");
  }
  const lock = await lockNamed(session);
  if (lock.owner === null) {
    throw new CommandError(`nobody holds "${typed(lock.key)}"`, EXIT.trouble);
  }
  if (!given.has("json")) {
    print([...linesOf(lock, await connectedNow(session, lock)), ""]);
  }
  if (!given.has("yes") && !(await isAgreed(lock))) {
    throw new CommandError("nothing was released", EXIT.trouble);
  }
  const { owner, token } = lock;
  const isFreed = await inspector.free(settings.prefix + lock.key, { owner, token }, whoAsks());
  if (!isFreed) {
    throw new CommandError(`"${typed(lock.key)}" changed hands or was released meanwhile; nothing was done`, EXIT.trouble);
  }
  const next = (await findLock(inspector, settings.prefix, lock.key)) ?? null;
  if (given.has("json")) {
    printJson({ released: lock, next });
  } else {
    print([`Released "${typed(lock.key)}". ${nextInWords(next)}`]);
  }
  return EXIT.fine;
}

function nextInWords(next: LockStatus | null): string {
  return next === null || next.owner === null ? "It is free." : `The next holder: ${holderInWords(next)}.`;
}

/** The person who releases the lock, for the log of its holder. */
function whoAsks(): string {
  let user = "somebody";
  try {
    user = userInfo().username;
  } catch {
    // The user may have no entry in the system's list, as in some containers.
  }
  return `${user}@${hostname()}, pid ${process.pid}, medusa-locking-redis release`;
}

async function isAgreed({ key }: LockStatus): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<boolean>((resolve) => {
      lines.on("close", () => resolve(false));
      lines.on("SIGINT", () => lines.close());
      lines.question(`Take "${typed(key)}" away from its holder? [y/N] `, (answer) => resolve(/^y(es)?$/i.test(answer.trim())));
    });
  } finally {
    lines.close();
  }
}
