import { type HonouredIn, type NameIn, optionTable } from "./option-table";

/** All options of ioredis 5 and 6 with their treatment; docs/OPTIONS.md is made from this table. */
export const IOREDIS_OPTIONS = optionTable({
  honoured: {
    host: 'host name or address; default "localhost". A URL belongs into `redisUrl` and is refused here',
    port: "TCP port, 0 to 65535; default 6379",
    family: "4 or 6: only addresses of that family; 0, the default: all",
    path: "a Unix socket, which wins over host and port. Refused on Windows, which has none",
    tls: "`true`, or an object of TLS options (below): connect with TLS. `false` or null is refused where `redisUrl` asks for TLS; TLS profiles (`RedisCloudFixed`, `{ profile }`) are refused, pass `tls.ca`",
    username: "ACL user. Without a password an empty one is sent, as by ioredis",
    password: "password for AUTH",
    db: "database number; default 0. A value that is no number is refused; ioredis would use database 0",
    keyPrefix: "comes before `namespace` in every lock key. `releaseAll` finds these locks, too; the official package does not find them",
    connectionName: 'the name that Redis is told by CLIENT SETNAME; default `medusa-locking:<host>:<pid>`; null or "": none',
    disableClientInfo: "true: do not tell Redis the name and version of this package (CLIENT SETINFO)",
    clientInfoTag: "Redis is told the name `medusa-locking-redis(tag)`",
    protocol:
      "3, the default, or 2: version of RESP. With 2 callers poll, since Redis cannot tell them of a free lock. A server without RESP3 gets RESP2",
    keepAlive:
      "milliseconds of silence until the system asks whether the other side is still there; default 30000. 0: after the system's own time, often two hours. null: it does not ask. A longer silence than 32767 s counts as that, the longest that Linux knows",
    noDelay: "true, the default: small writes leave at once (TCP_NODELAY)",
    connectTimeout: "longest time to connect, TLS included, in milliseconds; default 10000, 0 is no limit",
    commandTimeout:
      'longest time for one command, waiting for a connection included, in milliseconds; then the call fails with REDIS_TIMEOUT, "Command timed out". Default, null and false: none. Unlike with ioredis, a command that failed in this way takes no lock later',
    socketTimeout: "how long a connection that owes answers may be silent before it is closed, in milliseconds, at least 1; default 15000",
    enableReadyCheck: "true, the default: wait until the server has loaded its data; false: calls fail until then",
    maxLoadingRetryTime:
      "longest pause between two looks at a server that is loading, in milliseconds; default 10000, 0: the server's own estimate",
    enableOfflineQueue: "true, the default: calls wait for a connection; false: they fail at once without one",
    autoResendUnfulfilledCommands:
      "true, the default: commands that a lost connection left unanswered are sent again, and take or release nothing twice; false: they fail",
    maxRetriesPerRequest:
      "calls fail after so many failed reconnects in a row, and after as many again; null or a negative number: never. Default: calls without a time limit fail after 20, or after the first that fails when a minute is over, the others at their limit",
    retryStrategy:
      "a function of the number of the attempt that returns the pause before it in milliseconds; a result that is no number, an exception, or a value that is no function ends all attempts. Default: 50 ms more each time, 2000 at most",
    reconnectOnError:
      "a function that is asked about every error reply to a call, but not about NOSCRIPT: true or 1 reconnects, 2 also sends the command again. Must be a function or null",
    sentinels:
      "the Sentinels, an array of `{ host, port, family }` with port 26379 by default. They are asked before every connection where the master is. `path`, `host` and `port` then have no meaning; user name, password and database of the URL are for the master",
    name: "the master's name among the Sentinels; required with `sentinels`",
    role: 'which server of the group; only "master", the default: "slave" is refused, since replicas cannot hold locks. If the Sentinels name a server that is no master, the connection to it is closed at once (with `enableReadyCheck`)',
    sentinelUsername: "ACL user at the Sentinels; never taken from `username`",
    sentinelPassword: "password at the Sentinels; never taken from `password`",
    sentinelCommandTimeout: "longest wait for an answer of a Sentinel, in milliseconds, at least 1; default 5000; ioredis waits for ever",
    sentinelRetryStrategy:
      "as `retryStrategy`, for attempts in which no Sentinel knew the master. Default: 10 ms more each time, 1000 at most. Unlike with ioredis, such an attempt counts for `maxRetriesPerRequest`, so that no call waits for ever",
    sentinelTLS: "as `tls`, for the connections to the Sentinels",
    enableTLSForSentinelMode:
      "true: with `sentinels`, `tls` and rediss:// also count for the connection to the master. Default false: that connection is in plain text, as with ioredis, and the log warns of it",
    natMap: 'object of `{ "host:port": { host, port } }`: other addresses for those that the Sentinels name. A function is refused',
    updateSentinels: "true, the default: ask the Sentinels for other Sentinels",
    failoverDetector: "true: listen to the Sentinels, and connect again as soon as one of them announces another master; default false",
    sentinelMaxConnections: "the number of Sentinels to listen to; default 10",
    sentinelReconnectStrategy:
      "for `failoverDetector`: a function of the number of the attempt that returns the pause before it in milliseconds; a result that is no number ends the attempts. It is asked at boot for the attempts 1 to 20; the last answer counts for all later ones. Default: 60000",
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
    autoResubscribe: "the provider always subscribes again",
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

/** The names of the options. */
export type IoredisOption = NameIn<typeof IOREDIS_OPTIONS>;

/** The names of the honoured options. */
export type HonouredOption = HonouredIn<typeof IOREDIS_OPTIONS>;
