import { type HonouredIn, type NameIn, optionTable } from "./option-table";

/** @internal Every option of ioredis 5 and 6, and what becomes of it; docs/OPTIONS.md is made from it. */
export const IOREDIS_OPTIONS = optionTable({
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
    sentinels:
      "array of `{ host, port, family }`, port 26379 by default: the Sentinels, asked before every connection where the master is. Then `path`, `host` and `port` mean nothing; user name, password and database of the URL are for the master",
    name: "what the Sentinels call the master; required with `sentinels`",
    role: 'which server of the group; only "master", the default: "slave" is refused, since replicas cannot hold locks. A server that the Sentinels name and that says it is none is left at once (with `enableReadyCheck`)',
    sentinelUsername: "ACL user at the Sentinels; never taken from `username`",
    sentinelPassword: "password at the Sentinels; never taken from `password`",
    sentinelCommandTimeout:
      "longest wait for an answer of a Sentinel, in milliseconds, at least 1; default 5000, where ioredis waits for ever",
    sentinelRetryStrategy:
      "as `retryStrategy`, asked when none of the Sentinels could say where the master is. Default: 10 ms more each time, 1000 at most. Unlike with ioredis, such an attempt counts for `maxRetriesPerRequest`, so that no call waits for ever",
    sentinelTLS: "as `tls`, for the connections to the Sentinels",
    enableTLSForSentinelMode:
      "true: with `sentinels`, `tls` and rediss:// count for the connection to the master. Default: false, and that connection is in plain text, as with ioredis; the log warns of it",
    natMap: 'object of `{ "host:port": { host, port } }`: other addresses for those that the Sentinels name. A function is refused',
    updateSentinels: "true, the default: ask the Sentinels for other Sentinels",
    failoverDetector: "true: listen to the Sentinels, and connect anew as soon as one of them tells of another master; default false",
    sentinelMaxConnections: "to how many of them; default 10",
    sentinelReconnectStrategy:
      "for `failoverDetector`: a function of the number of the attempt that returns the pause before it in milliseconds; what is no number ends it. Asked at boot for the attempts 1 to 20; the last answer counts for all that follow. Default: 60000",
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
});

/** @internal Its names. */
export type IoredisOption = NameIn<typeof IOREDIS_OPTIONS>;

/** @internal The names of those that are honoured. */
export type HonouredOption = HonouredIn<typeof IOREDIS_OPTIONS>;
