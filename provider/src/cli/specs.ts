import { type CommandSpec, type Flag, LONGEST_TIMER_S } from "./flags";

/** @internal Flags of all commands. */
export const COMMON: Record<string, Flag> = {
  url: { kind: "text", value: "URL", help: "the Redis of the shop; default LOCKING_REDIS_URL, then REDIS_URL" },
  config: { kind: "text", value: "FILE", help: "take the provider's options from this medusa-config.ts" },
  cluster: { kind: "switch", help: "the URL names a node of a Redis Cluster" },
  namespace: { kind: "text", value: "PREFIX", help: 'what lock keys begin with; default "medusa_lock:"' },
  json: { kind: "switch", help: "print JSON for programs" },
  help: { kind: "switch", help: "print this text" },
  version: { kind: "switch", help: "print the version" },
};

const EXITS = {
  usage: "2  the command line cannot be used",
  redis: "3  Redis cannot be reached, or refuses",
};

const LIMIT: Flag = { kind: "count", value: "N", least: 1, help: "at most N locks" };

/** @internal The commands, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: "doctor",
    operands: "",
    words: 0,
    summary: "look at everything that locks need, and say what to do",
    about: [
      "Connects as the provider does and looks at the server, the rights of the Redis user, the instances and the locks. It changes nothing.",
    ],
    flags: {
      "fail-on": {
        kind: "text",
        value: "LEVEL",
        choices: ["problem", "warning"],
        help: 'what ends with 1: "warning" (that or a problem), or "problem" only; default warning',
      },
    },
    examples: [
      "medusa-locking-redis doctor --config medusa-config.ts",
      "medusa-locking-redis doctor --fail-on problem || exit 1",
      "medusa-locking-redis doctor --json | jq '.findings[].id'",
    ],
    exits: [
      "0  nothing, or notes only; with --fail-on problem: no problem",
      "1  a warning or a problem; with --fail-on problem: a problem",
      EXITS.usage,
      "3  Redis cannot be reached; the finding says why",
    ],
  },
  {
    name: "list",
    operands: "",
    words: 0,
    summary: "all locks: who holds them and who waits",
    about: ["Those that somebody has waited for longest come first. A + behind the waiters says that there may be more of them."],
    flags: { limit: { ...LIMIT, help: "at most N locks; default 1000" } },
    examples: ["medusa-locking-redis list", "medusa-locking-redis list --json | jq '.locks[] | {key, holder}'"],
    exits: ["0  the list was printed, even if it is empty", EXITS.usage, EXITS.redis],
  },
  {
    name: "show",
    operands: "KEY",
    words: 1,
    summary: "one lock: who holds it, since when, who waits, what to do",
    about: ["KEY is what the shop's code locks, without the namespace. A key that begins with - comes after --."],
    flags: {},
    examples: ["medusa-locking-redis show cart_01JABC"],
    exits: ["0  somebody holds the lock or waits for it", "1  nobody does", EXITS.usage, EXITS.redis],
  },
  {
    name: "watch",
    operands: "",
    words: 0,
    summary: "the list, again and again",
    about: ["Goes on when Redis goes away, and says so. Ctrl-C ends it. Without a terminal it prints one list after the other."],
    flags: {
      every: {
        kind: "seconds",
        value: "S",
        least: 0.1,
        most: LONGEST_TIMER_S,
        help: "shortest pause between two looks, in seconds; default 1",
      },
      limit: { ...LIMIT, help: "at most N locks; default 1000" },
    },
    examples: ["medusa-locking-redis watch", "medusa-locking-redis watch --every 5 --json >> locks.jsonl"],
    exits: ["0  ended by Ctrl-C, SIGTERM, SIGQUIT, or a closed pipe", EXITS.usage, "3  Redis could not be reached at the beginning"],
  },
  {
    name: "top",
    operands: "",
    words: 0,
    summary: "the locks that are waited for longest",
    about: ["Only locks that somebody waits for."],
    flags: { limit: { ...LIMIT, help: "at most N locks; default 10" } },
    examples: ["medusa-locking-redis top --limit 3"],
    exits: ["0  the list was printed, even if it is empty", EXITS.usage, EXITS.redis],
  },
  {
    name: "release",
    operands: "KEY",
    words: 1,
    summary: "take a lock away from its holder",
    about: [
      "Shows the holder and asks. The holder's job is told that the lock was lost, and by whom. The next waiter gets the lock.",
      "The lock is taken from the hold that was shown, and from no other.",
    ],
    flags: { yes: { kind: "switch", help: "do not ask; needed where there is no terminal" } },
    examples: ["medusa-locking-redis release cart_01JABC"],
    exits: ["0  the lock was released", "1  nobody held it, its owner changed meanwhile, or the answer was no", EXITS.usage, EXITS.redis],
  },
  {
    name: "run",
    operands: "-- COMMAND [ARGUMENT …]",
    words: 0,
    takesProgram: true,
    summary: "run a program under a lock",
    about: [
      "Takes the lock, runs the program, and releases the lock when the program ends. The lease is renewed meanwhile. The program finds the fencing tokens as LOCK_TOKEN_1, LOCK_TOKEN_2, … in its environment, in the order of --lock, and as LOCK_TOKEN where there is one key.",
      "If the lock is lost, the program gets SIGTERM, and SIGKILL after --grace. Signals are passed on to the program; SIGINT and SIGQUIT are not where the standard input is a terminal, which sends them itself. If run is killed by SIGKILL, the program gets SIGTERM at once and SIGKILL after --grace (not on Windows), and the lock ends with its lease.",
      "Where the standard input is no terminal, the program has a session and a process group of its own, and what it started ends with it when the lock is lost, when it is asked to end, or when run is killed. At a terminal and on Windows only the program itself is ended: what it started may go on without the lock. So does, anywhere, what a program leaves behind that ends by itself.",
    ],
    flags: {
      lock: { kind: "texts", value: "KEY", help: "a key to lock; may be given several times. Required" },
      wait: { kind: "seconds", value: "S", endless: "forever", help: 'longest wait for the lock, in seconds, or "forever"; default 5' },
      expire: { kind: "seconds", value: "S", least: 1, help: "the lease, in seconds; it is renewed. Default 60" },
      label: { kind: "text", value: "TEXT", help: "what list and show tell of this lock; default the program's name" },
      grace: { kind: "seconds", value: "S", most: LONGEST_TIMER_S, help: "time between SIGTERM and SIGKILL, in seconds; default 5" },
    },
    examples: ["medusa-locking-redis run --lock nightly-sync --wait 0 -- node sync.js"],
    exits: [
      "N    the program's own exit code",
      "123  the lock was lost, and the program was ended",
      "124  the lock was not to be had within --wait; the program did not run",
      "125  run failed: command line, Redis; the program did not run",
      "126  the program cannot be executed",
      "127  there is no such program",
      "128+ a signal of this number ended the program, or run while it waited",
    ],
  },
];
