import { type OptionTable, optionTable } from "./option-table";

/** @internal Every option of ioredis 5 and 6, and what becomes of it; docs/OPTIONS.md is made from it. */
export const IOREDIS_OPTIONS: OptionTable = optionTable({
  honoured: {
    host: 'host name or address; default "localhost". A URL belongs into `redisUrl` and is refused here',
    port: "TCP port, 0 to 65535; default 6379",
    family: "4 or 6: only addresses of that family; 0, the default: all",
    path: "a Unix socket, which counts more than host and port. Refused on Windows, where there is none",
    tls: "`true`, or an object of TLS options (below): connect with TLS. `false` or null is refused where `redisUrl` asks for TLS; TLS profiles (`RedisCloudFixed`, `{ profile }`) are refused, pass `tls.ca`",
    username: "ACL user. Without a password, an empty one is sent, as ioredis does",
    password: "password for AUTH",
    db: "database number; default 0. What is no number is refused, where ioredis would use database 0",
    keyPrefix:
      "stands before `namespace` in every lock key. `releaseAll` finds these locks, too, which it does not with the official package",
    connectionName: "told to Redis by CLIENT SETNAME",
    disableClientInfo: "true: do not tell Redis the name and version of this package (CLIENT SETINFO)",
    clientInfoTag: "the name told to Redis becomes `medusa-locking-redis(tag)`",
    protocol:
      "3, the default, or 2: version of RESP. With 2, waiting is by polling, since Redis cannot tell of a free lock. A server that does not speak RESP3 is spoken to in RESP2",
    keepAlive:
      "milliseconds of silence until the system asks whether the other side is still there; 0, the default: the system's own time. null: it does not ask",
    noDelay: "true, the default: small writes leave at once (TCP_NODELAY)",
    connectTimeout: "longest time to connect, TLS included, in milliseconds; default 10000, 0 is no limit",
    commandTimeout:
      'longest time for one command, waiting for a connection included, in milliseconds; then the call fails with REDIS_TIMEOUT, "Command timed out". Default: none. Unlike with ioredis, a command that failed so takes no lock later',
    socketTimeout: "how long a connection that owes answers may be silent before it is closed, in milliseconds, at least 1; default 15000",
    enableReadyCheck: "true, the default: wait until the server has loaded its data; false: calls fail until then",
    maxLoadingRetryTime:
      "longest pause between two looks at a server that is loading, in milliseconds; default 10000, 0: the server's own estimate",
    enableOfflineQueue: "true, the default: calls wait for a connection; false: they fail at once without one",
    autoResendUnfulfilledCommands:
      "true, the default: what a lost connection left unanswered is asked again, without taking or releasing anything twice; false: it fails",
    maxRetriesPerRequest:
      "after so many failed reconnects in a row, and after as many again, calls fail; null or a negative number: never. Where it is not given, that is after 20 for calls without a time limit, and the others fail at their limit",
    retryStrategy:
      "a function of the number of the attempt that returns the pause before it in milliseconds; what is no number, or an exception, ends all attempts, as does anything else than a function. Default: 50 ms more each time, 2000 at most",
    reconnectOnError:
      "a function that is asked about every error that Redis answers a call with: true or 1 reconnects, 2 also asks again. Not about NOSCRIPT, which is answered with the script. Must not be anything else than a function or null",
  },
  ignored: {
    lazyConnect: "the provider connects when Medusa starts, as the official one does",
    disconnectTimeout: "connections are closed without waiting",
    replyMapping: "no reply reaches the user",
    showFriendlyErrorStack: "errors do not come from ioredis",
    enableAutoPipelining: "commands always go out together",
    autoPipeliningIgnoredCommands: "commands always go out together",
    offlineQueue: "ioredis does not read it either",
    commandQueue: "ioredis does not read it either",
    blockingTimeout: "no blocking commands are used",
    blockingTimeoutGrace: "no blocking commands are used",
    autoResubscribe: "what the provider listens to it always listens to again",
    preferredSlaves: "replicas cannot hold locks",
    sentinelReconnectStrategy: "without `failoverDetector` it has no meaning",
  },
  warned: {
    readOnly: ["has no use for locks and is ignored", false],
    stringNumbers: ["is ignored", false],
    scripts: "is ignored: no ioredis client is exposed",
    himportFieldsets: "is ignored",
  },
  refused: {
    Connector: "is not supported: this package opens its own socket",
    monitor: ["makes the connection unusable for locks", false],
  },
  later: {
    sentinels: "the Sentinels to ask",
    name: "the group of the master",
    role: ['which server of the group; a replica cannot hold locks, so only "master" will do', "master"],
    sentinelUsername: "ACL user at the Sentinels",
    sentinelPassword: "password at the Sentinels",
    sentinelCommandTimeout: "longest time for one command to a Sentinel",
    sentinelRetryStrategy: "the pause after no Sentinel could be reached",
    failoverDetector: ["listen to the Sentinels for a new master", false],
    sentinelMaxConnections: ["how many Sentinels to listen to", 10],
    enableTLSForSentinelMode: ["TLS to the master, too", false],
    sentinelTLS: "TLS to the Sentinels",
    natMap: "other addresses for those that the Sentinels name",
    updateSentinels: ["add the Sentinels that the Sentinels name", true],
  },
});
