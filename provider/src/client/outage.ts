import type { Log } from "./guard";
import { after } from "./pause";
import { plural, seconds } from "./words";

/** The time between two lines about the same outage, in milliseconds. */
const EVERY_MS = 30_000;

/** @internal The facts that the lines about an outage tell, besides its length. */
export interface AtStake {
  /** Calls that are under way. */
  callsWaiting(): number;
  /** Locks that were lost, since the client was made. */
  losses(): number;
  /** Whether the client is still in use. */
  isThere(): boolean;
}

/** @internal Writes the lines of the log about times without Redis: while such a time lasts, and at its end. */
export class Outage {
  readonly #log: Log;
  readonly #atStake: AtStake;
  /** In a cluster the client has other nodes meanwhile, so only one node is missing. */
  readonly #what: string;
  #now: { since: Date; began: number; lossesBefore: number; reason: string } | undefined;
  #cancel = () => {};

  constructor(log: Log, atStake: AtStake, inCluster: boolean) {
    this.#log = log;
    this.#atStake = atStake;
    this.#what = inCluster ? "a node of the Redis Cluster" : "Redis";
  }

  /** There is no connection any more. */
  begins(reason: string): void {
    if (this.#now) {
      this.#now.reason = reason;
      return;
    }
    this.#now = { since: new Date(), began: performance.now(), lossesBefore: this.#atStake.losses(), reason };
    this.#tellLater();
  }

  /** There is a connection again. If `told` is given, a line says so. */
  ends(told: string | undefined): void {
    const now = this.#now;
    this.stop();
    if (told === undefined) {
      return;
    }
    const lost = now ? this.#atStake.losses() - now.lossesBefore : 0;
    const after = now ? ` after ${seconds(performance.now() - now.began)}` : "";
    this.#log.info(`${told}${after}; ${lost === 0 ? "no lock was" : `${plural(lost, "lock was", "locks were")}`} lost meanwhile.`);
  }

  /** The outage is over, or the client is closed. */
  stop(): void {
    this.#cancel();
    this.#cancel = () => {};
    this.#now = undefined;
  }

  /** Whether the outage has lasted long enough for its own line. */
  get isLong(): boolean {
    return this.#now !== undefined && performance.now() - this.#now.began >= EVERY_MS;
  }

  #tellLater(): void {
    this.#cancel = after(EVERY_MS, () => {
      const now = this.#atStake.isThere() ? this.#now : undefined;
      if (now) {
        const waiting = plural(this.#atStake.callsWaiting(), "call waits", "calls wait");
        this.#log.warn(
          `There has been no connection to ${this.#what} since ${now.since.toISOString()} (${seconds(performance.now() - now.began)}): ${now.reason}. ${waiting}.`,
        );
        this.#tellLater();
      }
    });
  }
}
