/**
 * The severity of a finding. `ok`: as it should be. `note`: worth knowing, no action needed. `warning`: locks work, but with less than they
 * promise. `problem`: locks do not work, or do not exclude.
 */
export type Level = "ok" | "note" | "warning" | "problem";

/** One finding of the doctor. */
export interface Finding {
  /** The stable name of the finding, the same across versions. */
  id: FindingId;
  level: Level;
  /** The finding in a sentence or two. */
  text: string;
  /** The advice; null: no action is needed. */
  advice: string | null;
  /** The locks that the finding is about, by the names that callers use; empty if it is not about locks. */
  keys: string[];
}

/** @internal The parts that all findings with the same id share. `means` is for the documentation. */
export interface FindingRow {
  level: Level;
  means: string;
  advice: string | null;
}

const URL_ADVICE = "Compare the URL with the one of the shop, and look whether the server runs.";
const TRUST_ADVICE =
  'Give the authority\'s certificate: by NODE_EXTRA_CA_CERTS=FILE, or as redisOptions.tls.ca in the configuration that "--config" names.';
const ACL_ADVICE =
  'Allow it to the Redis user (ACL SETUSER). README.md, "What the Redis user must be allowed", has all rights in one line.';

/** @internal All findings, by id. docs/OPERATIONS.md is made from this table. */
export const FINDINGS = {
  // The way to Redis.
  connected: { level: "ok", means: "Redis answers.", advice: null },
  "connection-refused": { level: "problem", means: "Nothing listens at that address.", advice: URL_ADVICE },
  "connection-timeout": {
    level: "problem",
    means: "Nobody answers at that address in time.",
    advice: "Look for a firewall or a security group between here and the server, and whether the server hangs.",
  },
  "host-unknown": {
    level: "problem",
    means: "The host's name is not known.",
    advice: "Compare the host's name with the one of the shop. A name of a private network is known inside of that network only.",
  },
  unreachable: { level: "problem", means: "No connection stands, for another reason.", advice: URL_ADVICE },
  "not-ready": {
    level: "problem",
    means: "Redis answers and cannot be used for now: it loads its data, is busy with a script, or is full of clients.",
    advice: "Run the doctor again in a minute. If it stays so, the server's own log says why.",
  },
  "password-missing": {
    level: "problem",
    means: "Redis asks for a password and none was given.",
    advice: "Give it in the URL: redis://user:password@host:6379. In the environment (LOCKING_REDIS_URL) other users do not see it.",
  },
  "password-wrong": {
    level: "problem",
    means: "Redis refuses the user name or password.",
    advice: "Compare both with the shop's. Special characters in them must be percent-encoded in a URL (# is %23, / is %2F).",
  },
  "tls-needed": { level: "problem", means: "The server speaks TLS, the URL says plain text.", advice: "Begin the URL with rediss://." },
  "tls-not-spoken": {
    level: "problem",
    means: "The URL says TLS, the server does not speak it.",
    advice: "Begin the URL with redis://, or name the port at which the server speaks TLS.",
  },
  "certificate-expired": {
    level: "problem",
    means: "The server's certificate is out of date.",
    advice: "Give the server a new certificate. Look at the clock of this machine, too.",
  },
  "certificate-name": {
    level: "problem",
    means: "The server's certificate is for another name than the one in the URL.",
    advice: "Use the certificate's name in the URL, or name it as redisOptions.tls.servername.",
  },
  "certificate-untrusted": { level: "problem", means: "Nobody who is trusted here has signed the certificate.", advice: TRUST_ADVICE },
  "client-certificate": {
    level: "problem",
    means: "The server wants a certificate of its clients, or does not trust the one that it got.",
    advice: 'Give redisOptions.tls.cert and redisOptions.tls.key, in the configuration that "--config" names.',
  },
  "tls-failed": { level: "problem", means: "TLS fails for another reason.", advice: "The text says why." },
  "database-refused": {
    level: "problem",
    means: "Redis refuses the database's number.",
    advice: "Use the number of the shop's other instances, or 0, which every server has.",
  },
  sentinels: {
    level: "problem",
    means: "No Sentinel answers, or none knows the master.",
    advice: "Compare redisOptions.sentinels and redisOptions.name with the Sentinels' own configuration.",
  },
  "not-a-cluster": {
    level: "problem",
    means: "The option cluster is given, and the server is no node of a cluster.",
    advice: "Leave the option cluster out, and name the server as redisUrl.",
  },
  // The rights of the user.
  rights: { level: "ok", means: "The Redis user may do everything that locks need.", advice: null },
  "right-locks": {
    level: "problem",
    means: "A right is missing without which no lock can be kept: EVAL, SET, GET, DEL, PTTL, PEXPIRE, or the lock keys.",
    advice: ACL_ADVICE,
  },
  "right-wait": { level: "problem", means: "The option safety is given, and WAIT is refused.", advice: ACL_ADVICE },
  "right-side-keys": {
    level: "warning",
    means: "Side keys (~mlr!*) or a command on them are refused: callers poll in no order, without fencing tokens and hold records.",
    advice: ACL_ADVICE,
  },
  "right-channels": {
    level: "warning",
    means: "Channels (&mlr!*), SUBSCRIBE or PUBLISH are refused: callers poll and are served in no order.",
    advice: `${ACL_ADVICE} A proxy or hosted service without channels cannot give them.`,
  },
  "channels-overheard": {
    level: "warning",
    means:
      "Somebody listens to all channels (PSUBSCRIBE *), so Redis cannot tell who is connected: instances that connect now poll and are served in no order, and a killed process in a queue costs the others seconds.",
    advice:
      "CLIENT LIST TYPE pubsub names that connection: its psub is not 0. Let it name its own channels. Instances that poll because of it return to the queue by themselves, within some minutes.",
  },
  "right-scan": { level: "warning", means: "SCAN is refused: releaseAll fails, and locks cannot be listed.", advice: ACL_ADVICE },
  "right-client": {
    level: "warning",
    means: "CLIENT is refused: a command that was under way when a connection broke may keep its key locked until its lease ends.",
    advice: ACL_ADVICE,
  },
  "right-script": {
    level: "note",
    means:
      "SCRIPT is refused: waiting callers of the official package cannot be noticed, so busy keys are left free now and then as if there were some.",
    advice: ACL_ADVICE,
  },
  "right-info": {
    level: "note",
    means:
      "INFO is refused: no wait until the server has loaded its data, no warning of an eviction policy. Most checks of the doctor are left out.",
    advice: ACL_ADVICE,
  },
  "right-select": { level: "note", means: "SELECT is refused: only database 0 can be used.", advice: ACL_ADVICE },
  "resp2-only": {
    level: "warning",
    means: "There is no RESP3 (HELLO 3 is refused, or redisOptions.protocol is 2): callers poll and are served in no order.",
    advice: "Allow HELLO, leave redisOptions.protocol out, or go around the proxy in front of Redis.",
  },
  "scripts-not-kept": {
    level: "note",
    means: "The server does not know a script by its hash that it has just run, or refuses EVALSHA: every script is sent in full.",
    advice: "Allow EVALSHA, or connect to the server itself in place of the proxy.",
  },
  // The server.
  server: { level: "ok", means: "The version of the server, and what it is.", advice: null },
  "server-old": {
    level: "warning",
    means: "Redis is older than 6.2: callers poll, without fencing tokens and hold records. In a cluster it has to be 7.0.",
    advice: "Use Redis 7.0 or newer, or any Valkey.",
  },
  "server-replica": {
    level: "problem",
    means: "The server is a replica, which takes no locks.",
    advice: "Connect to the master: the primary or writer endpoint of a hosted service.",
  },
  "server-evicts": {
    level: "warning",
    means: "The server may delete locks that are held when its memory is full.",
    advice: "Keep locks on a server with maxmemory-policy noeviction. A cache belongs on another server.",
  },
  "server-not-persistent": {
    level: "warning",
    means: "The server saves nothing: after its restart all locks are free, also those of jobs that still run.",
    advice: "Switch on appendonly yes, or protect what the jobs write by fencing tokens.",
  },
  "server-clock": {
    level: "warning",
    means:
      "The server's clock and the one of this machine differ by more than a second. Leases do not depend on it; logs are hard to compare.",
    advice: "Have both machines take the time from the network (NTP). If this machine is right, mend the server's.",
  },
  "cluster-not-named": {
    level: "warning",
    means: "The server is a node of a cluster, and the option cluster is not given: callers poll.",
    advice: 'Give the option cluster (README.md, "Cluster"); here: --cluster.',
  },
  "cluster-one-address": {
    level: "note",
    means: "One address with the rules of a cluster, as hosted services have it: calls take keys of several slots slot by slot.",
    advice: "Nothing has to be done. If the nodes can be reached, the option cluster gives the fair queue, too.",
  },
  "replicas-too-few": {
    level: "problem",
    means: "The master has fewer replicas than the option safety asks for: no lock can be given.",
    advice: "Start the missing replicas, or lower safety.replicas.",
  },
  // The mode of an instance.
  "mode-hand-off": { level: "ok", means: "Callers wait in one queue, and locks are handed over.", advice: null },
  "mode-polling": {
    level: "warning",
    means: "Callers would poll, and are served in no order.",
    advice: "The other findings say what is missing.",
  },
  "mode-plain": {
    level: "warning",
    means: "Callers would poll, and there are no fencing tokens and no hold records.",
    advice: "The other findings say what is missing.",
  },
  option: { level: "note", means: "What the provider's own parser warns of.", advice: "Put the option right, or leave it out." },
  // The instances.
  instances: { level: "ok", means: "How many instances answer.", advice: null },
  "instances-none": {
    level: "note",
    means: "No instance answers: none runs, they are of the official package, or they poll.",
    advice: "If a shop runs, compare its Redis and its namespace with these.",
  },
  "instances-unknown": {
    level: "note",
    means: "The instances cannot be asked.",
    advice: "The text says why.",
  },
  "instances-versions": {
    level: "warning",
    means: "Instances have different versions of this package. During a deployment that is as it should be.",
    advice: "If no deployment is under way, find out which host was left out.",
  },
  "instances-options": {
    level: "warning",
    means: "Instances have different options: the namespace, the database, safety or maximumStallMs.",
    advice: "Give all instances the same options. With another namespace or database they do not exclude each other.",
  },
  "instances-modes": {
    level: "warning",
    means: "Instances wait in different ways: those that poll are served after those in the queue, or before them.",
    advice: "Compare the options and the Redis users of the instances.",
  },
  "instance-stuck": {
    level: "warning",
    means: "The event loop of an instance is stuck. Its locks are renewed until maximumStallMs (a minute by default).",
    advice: "Look at that process: a long computation, or an endless loop.",
  },
  // The locks.
  locks: { level: "ok", means: "How many locks there are.", advice: null },
  "locks-not-read": { level: "note", means: "The locks could not be read, or not all of them.", advice: "The text says why." },
  "holder-silent": {
    level: "warning",
    means:
      "The process that holds a lock does not answer: it is dead, cut off from Redis or suspended, or works and never answers, as one does that polls, has an older version, or may not subscribe to mlr!?.",
    advice:
      'Look at the process first: "npx medusa-locking-redis show KEY" names who is connected. The locks of a dead process end with their leases; "npx medusa-locking-redis release KEY" frees one at once.',
  },
  "lock-without-end": {
    level: "warning",
    means: "A lock has no end, and its holder is not there or cannot be known: perhaps nobody ever frees it.",
    advice: 'Find out whether its owner still works. "npx medusa-locking-redis release KEY" frees it.',
  },
  "waiters-gone": {
    level: "note",
    means: "Clients stand in a queue that are connected no more: what crashed processes left. Releases pass over them.",
    advice: "Nothing has to be done: a queue ends a minute after the last waiter.",
  },
  "locks-official": {
    level: "note",
    means: "Locks are held by the official package. For such keys everybody polls.",
    advice: "Nothing has to be done during a deployment. Afterwards, find the instances that still use @medusajs/locking-redis.",
  },
} as const satisfies Record<string, FindingRow>;

/** The id of a finding. */
export type FindingId = keyof typeof FINDINGS;

/** @internal Makes a finding. */
export function finding(id: FindingId, text: string, keys: string[] = []): Finding {
  const { level, advice } = FINDINGS[id];
  return { id, level, text, advice, keys };
}
