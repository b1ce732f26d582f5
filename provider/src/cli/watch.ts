import { setTimeout as sleep } from "node:timers/promises";
import { InspectionError } from "../inspect/inspector";
import type { LockList } from "../inspect/lock-status";
import { listLocks } from "../inspect/locks";
import { duration, shown } from "../inspect/words";
import { EXIT } from "./exit-codes";
import { MOST_LOCKS } from "./list";
import { footOf, lockTable } from "./lock-table";
import { askedOf, type Session } from "./session";
import { fitted } from "./table";
import { height, print, printJson, width } from "./terminal";

const PAUSE_S = 1;
/** The pause takes so many times as long as the look before it. */
const PAUSE_PER_LOOK = 10;
/** Switches to the alternate screen, so that the previous screen comes back afterwards, and hides the cursor. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** @internal The state at one look. */
export interface Look {
  at: Date;
  /** The newest list. */
  list: LockList;
  /** The Redis and the namespace that were asked; shown if there is no lock. */
  asked: string;
  /** Why there is no newer list, and for how long there has been none. */
  trouble: { reason: string; forMs: number } | null;
}

/** @internal Shows the list again and again, until a signal comes or the reader has gone. */
export async function watch(session: Session): Promise<number> {
  const { given, inspector, settings } = session;
  const most = given.number("limit") ?? MOST_LOCKS;
  const pauseMs = (given.number("every") ?? PAUSE_S) * 1_000;
  const ended = new AbortController();
  const end = () => ended.abort();
  // After any of these signals the terminal must be as it was before. Windows has no SIGQUIT.
  const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP", ...(process.platform === "win32" ? [] : (["SIGQUIT"] as const))];
  for (const signal of signals) {
    process.on(signal, end);
  }
  const isEnded = new Promise<undefined>((resolve) => ended.signal.addEventListener("abort", () => resolve(undefined)));
  // The first look must succeed, so that a wrong URL is reported at once.
  let askedAt = performance.now();
  let list = await Promise.race([listLocks(inspector, settings.prefix, most), isEnded]);
  let tookMs = performance.now() - askedAt;
  let lostAt: number | undefined;
  let reason = "";
  const screen = openScreen(given.has("json"));
  try {
    while (list && !ended.signal.aborted) {
      const trouble = lostAt === undefined ? null : { reason, forMs: performance.now() - lostAt };
      screen.show({ at: new Date(), list, asked: askedOf(settings), trouble });
      await sleep(pauseAfter(tookMs, pauseMs), undefined, { signal: ended.signal }).catch(() => {});
      askedAt = performance.now();
      tookMs = 0;
      try {
        list = (await Promise.race([listLocks(inspector, settings.prefix, most), isEnded])) ?? list;
        tookMs = performance.now() - askedAt;
        lostAt = undefined;
      } catch (error) {
        if (!(error instanceof InspectionError)) {
          throw error;
        }
        reason = error.message;
        lostAt ??= performance.now();
      }
    }
  } finally {
    screen.close();
    for (const signal of signals) {
      process.off(signal, end);
    }
  }
  return EXIT.fine;
}

/**
 * @internal The pause after a look that took `tookMs`. For each look Redis goes through all keys of its database, so a long pause follows a long
 * look.
 */
export function pauseAfter(tookMs: number, leastMs: number): number {
  return Math.max(leastMs, PAUSE_PER_LOOK * tookMs);
}

interface Screen {
  show(look: Look): void;
  close(): void;
}

function openScreen(isJson: boolean): Screen {
  if (isJson) {
    return { show: ({ at, list, trouble }) => printJson({ at: at.toISOString(), trouble, ...list }, 0), close: () => {} };
  }
  if (!process.stdout.isTTY) {
    return { show: (look) => print([...frame(look, undefined, undefined), ""]), close: () => {} };
  }
  process.stdout.write(ENTER);
  let isOpen = true;
  const close = () => {
    if (isOpen) {
      isOpen = false;
      process.stdout.write(LEAVE);
    }
  };
  // The terminal is restored, whatever ends the process.
  process.once("exit", close);
  return {
    show(look) {
      const lines = frame(look, width(), height());
      process.stdout.write(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`);
    },
    close,
  };
}

/** @internal One screen with this state, in at most `height` lines of at most `width` columns; undefined: no limit. */
export function frame({ at, list, asked, trouble }: Look, width: number | undefined, height: number | undefined): string[] {
  const cut = (line: string) => (width === undefined ? line : fitted(line, width));
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  const head =
    trouble === null
      ? `${time}  ${footOf(list)}`
      : `${time}  Redis has not answered for ${duration(trouble.forMs)}: ${shown(trouble.reason)}`;
  const about = trouble === null ? [] : [cut("What was known before:")];
  const lines = [cut(head), ...about, "", ...(list.locks.length > 0 ? lockTable(list.locks, width) : ["No locks.", cut(`(${asked})`)])];
  if (height === undefined || lines.length <= height) {
    return lines;
  }
  const kept = Math.max(1, height - 1);
  return [...lines.slice(0, kept), cut(`… ${lines.length - kept} more`)];
}
