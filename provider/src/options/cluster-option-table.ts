import { type OptionTable, optionTable } from "./option-table";

/** @internal All options of ioredis' Cluster with their treatment; docs/OPTIONS.md is made from this table. */
export const CLUSTER_OPTIONS: OptionTable = optionTable({
  honoured: {
    startupNodes:
      "the nodes to begin with: an array of `{ host, port }`, URLs and port numbers. `redisUrl`, if given, is one more. Without `startupNodes`, `redisUrl` or else `host` in `redisOptions` is the only one; without any the boot fails. User name, password and TLS are the same for all nodes",
    redisOptions: "`redisOptions` of every node; they win over those beside `cluster`",
    keyPrefix: "as in `redisOptions`, and wins over it",
    clusterRetryStrategy:
      "a function of the number of the attempt that returns the pause in milliseconds after an attempt in which no node was reached. A result that is no number, an exception, or null ends all attempts. Default: 100 ms and 2 ms more each time, 2000 at most",
    enableOfflineQueue: "true, the default: calls wait for the cluster; false: they fail at once without it",
    enableReadyCheck: "true, the default: wait until cluster_state is not fail, and until nodes have loaded their data",
    maxRedirections:
      "a call without a time limit fails after so many redirections in a row, a release after ten times as many; default 16. Others fail at their limit",
    retryDelayOnMoved: "pause in milliseconds before a command follows its slot; default 0",
    retryDelayOnTryAgain: "pause in milliseconds before a command is repeated whose keys are on the move; default 100",
    retryDelayOnClusterDown: "pause in milliseconds before a command is repeated after CLUSTERDOWN; default 100",
    slotsRefreshTimeout: "longest time for a node to say which node has which slot, in milliseconds; default 1000",
    slotsRefreshInterval: "time between two regular questions for the slots, in milliseconds; default: there are none",
    natMap: "an object: other addresses for those that nodes name, by `host:port`. A function is refused",
  },
  ignored: {
    lazyConnect: "the provider connects when Medusa starts, as the official one does",
    retryDelayOnFailover: "commands that a lost connection left unanswered are sent again as soon as there is a node for them",
    shardedSubscribers: "the provider listens on its own connections",
    enableAutoPipelining: "commands always go out together",
    autoPipeliningIgnoredCommands: "commands always go out together",
    showFriendlyErrorStack: "errors do not come from ioredis",
    slotsRefreshJitter: "lookups follow events, which need no jitter",
  },
  warned: {
    clusterNodeRetryStrategy: "is ignored: nodes are connected to again as long as they have slots",
    dnsLookup: "is ignored: names are kept as they are, so that certificates are checked against them",
    scripts: "is ignored: no ioredis client is exposed",
    himportFieldsets: "is ignored",
    scaleReads: ["is ignored: locks are the masters' business", "master"],
  },
  refused: {
    useSRVRecords: ["is not supported: name the nodes in startupNodes", false],
    resolveSrv: "is not supported: name the nodes in startupNodes",
  },
});
