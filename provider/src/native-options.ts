/**
 * @internal What the addon is told; see `src/binding/options.rs`. Everything is checked already, and every name says its
 * unit. What is not there is not wanted.
 */
export interface NativeOptions {
  /** A Unix socket; then host, port, family and the local address mean nothing. */
  path?: string;
  host: string;
  port: number;
  /** 4 or 6: only addresses of that family; 0: all. */
  family: number;
  /** The IP address and port to connect from. */
  localAddress?: string;
  localPort?: number;
  /** Idle time until the system asks whether the other side is still there; 0: the system's own; none: it does not ask. */
  keepAliveMs?: number;
  /** Small writes leave at once. */
  noDelay: boolean;
  /** Longest time to connect, TLS included; 0: no limit. */
  connectTimeoutMs: number;
  tls?: NativeTls;
  /** Then path, host and port mean nothing. */
  cluster?: NativeCluster;
  /** Who says where the master is; then path, host and port mean nothing. */
  sentinels?: NativeSentinels;
  username?: string;
  /** With a user name and no password this is the empty string. */
  password?: string;
  database: number;
  /** For CLIENT SETNAME. */
  connectionName?: string;
  /** For CLIENT SETINFO; none: neither name nor version are told. */
  libraryName?: string;
  /** Ask for RESP3, without which Redis cannot tell of a lock that is free. */
  resp3: boolean;
  /** Wait until the server has loaded its data. */
  readyCheck: boolean;
  /** Longest pause between two looks at a server that is loading; 0: its own estimate. */
  longestLoadingPauseMs: number;
  /** Calls wait for a connection. */
  offlineQueue: boolean;
  /** What a lost connection left unanswered is asked again. */
  resends: boolean;
  /** After so many failed reconnects calls fail; none: never. */
  mostReconnects?: number;
  /** Also those that have a time limit. */
  mostReconnectsForAll: boolean;
  /** Pause before a reconnect: ioredis' rule, none since there is no second connection, or by `ResultKind.AskPause`. */
  reconnect: "growing" | "growingInCluster" | "never" | "asked";
  /** The same after no Sentinel could say where the master is. */
  reconnectAfterLookup: "growing" | "never" | "asked";
  /** Error replies are asked about, by `ResultKind.AskError`. */
  asksOnErrors: boolean;
  /** Longest that one command takes, waiting for a connection included. */
  commandTimeoutMs?: number;
  /** Longest silence of a connection that owes answers; none: 15 s. */
  socketTimeoutMs?: number;
  /** `keyPrefix` followed by `namespace`. */
  prefix: string;
  defaultRetryIntervalMs: number;
  maximumRetryIntervalMs: number;
  backoffFactor: number;
  maximumStallMs: number;
  /** So many replicas must have a lock before it counts; none: the master's answer is enough. */
  safetyReplicas?: number;
  /** Within this time, else the lock is given back. */
  safetyTimeoutMs?: number;
  /** Use the thread lane. */
  onThread: boolean;
}

/** @internal An address. */
export interface NativeNode {
  host: string;
  port: number;
}

/** @internal How a cluster is found and followed. */
export interface NativeCluster {
  /** Nodes to begin with. */
  nodes: NativeNode[];
  /** Longest time for a node to say which has which slot. */
  lookupTimeoutMs: number;
  /** How often that is asked without a reason; none: never. */
  refreshEveryMs?: number;
  /** Redirections in a row after which a call without a time limit fails. */
  mostRedirections: number;
  /** Pauses before a command is sent again: its slot has moved, its keys are on the move, the cluster lacks nodes. */
  movedPauseMs: number;
  tryAgainPauseMs: number;
  downPauseMs: number;
  /** Other addresses for those that nodes name, by `host:port`. */
  addresses: Record<string, NativeNode>;
}

/** @internal The Sentinels, and how they are spoken to. */
export interface NativeSentinels {
  /** What they call the master. */
  name: string;
  /** In the order in which they are asked. `family`: 4 or 6; none: the one of all sockets. */
  addresses: { host: string; port: number; family?: number }[];
  username?: string;
  /** With a user name and no password this is the empty string. */
  password?: string;
  tls?: NativeTls;
  /** Other addresses for those that they name, by "host:port". */
  mapped: Record<string, NativeNode>;
  /** They are asked for other Sentinels. */
  learns: boolean;
  /** Longest wait for one answer. */
  commandTimeoutMs: number;
  /** They are listened to, so that another master is known at once. */
  detection?: {
    /** The most that are listened to. */
    most: number;
    /** Pauses before the reconnects to one of them, by attempt. */
    pausesMs: number[];
    /** After the last of these pauses it is given up; else that one is kept to. */
    stops: boolean;
  };
}

/** @internal Certificates, keys and revocation lists are PEM texts, without a password. */
export interface NativeTls {
  /** Who is trusted. */
  authorities: string[];
  /** They were named by the user, and so count as servers' own certificates, too. */
  pinned: boolean;
  /** How far a server's certificate is looked at: fully, but for its name, or not at all. */
  trust: "full" | "anyName" | "blind";
  /** Our own certificate and its chain, with its key. */
  certificate?: string;
  key?: string;
  /** The name that the server's certificate must be for; none: the host's. */
  serverName?: string;
  /** Tell the server that name (SNI). */
  sendsName: boolean;
  tls12: boolean;
  tls13: boolean;
  /** Cipher suites by their IANA names (`TLS_AES_128_GCM_SHA256`); empty: all. */
  ciphers: string[];
  /** Key exchange groups (`X25519`, `secp256r1`, `secp384r1`); empty: all. */
  groups: string[];
  /** For ALPN. */
  protocols: string[];
  /** Revocation lists. */
  revoked: string[];
}
