import type { Log } from "./guard";
import { after } from "./pause";
import { plural, seconds } from "./words";

/** The time between two lines about the same outage, in milliseconds. */
const EVERY_MS = 30_000;

/** @internal What an outage tells besides its length. */
export interface AtStake {
  /** Calls that are under way. */
  callsWaiting(): number;
  /** Locks that were lost, since the client was made. */
  losses(): number;
  /** Whether anybody has the client yet. */
  isThere(): boolean;
}

/** @internal One time after the other without Redis: its lines in the log, while it lasts and at its end. */
export class Outage {
  readonly #log: Log;
  readonly #atStake: AtStake;
  /** In a cluster the client has other nodes meanwhile. */
  readonly #what: string;
  #now: { since: Date; began: number; lossesBefore: number; reason: string } | undefined;
  #cancel = () => {};

  constructor(log: Log, atStake: AtStake, inCluster: boolean) {
    this.#log = log;
    this.#atStake = atStake;
    this.#what = inCluster ? "a node of the Redis Cluster" : "Redis";
  }

  /** There is no connection. */
  begins(reason: string): void {
    if (this.#now) {
      this.#now.reason = reason;
      return;
    }
    this.#now = { since: new Date(), began: performance.now(), lossesBefore: this.#atStake.losses(), reason };
    this.#tellLater();
  }

  /** There is a connection. A line says so if `told`, or if lines told of the outage. */
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

  /** Whether it has lasted long enough for a line of its own. */
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
