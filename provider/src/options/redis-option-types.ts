import type { ConnectionOptions } from "node:tls";
import type { HonouredOption, IoredisOption } from "./ioredis-options";

type Numeric = number | string;
type YesOrNo = boolean | "true" | "false";
type Strategy = (times: number) => number | undefined | null | void;
type Addresses = Record<string, { host: string; port: number }>;

/** The types of the honoured options: ioredis' types, and numbers as text. */
interface Values {
  host: string;
  port: Numeric;
  family: Numeric;
  path: string;
  tls: ConnectionOptions | boolean | null;
  username: string;
  password: string;
  db: Numeric;
  keyPrefix: string;
  connectionName: string;
  disableClientInfo: YesOrNo;
  clientInfoTag: string;
  protocol: 2 | 3 | "2" | "3";
  keepAlive: Numeric | null;
  noDelay: YesOrNo;
  connectTimeout: Numeric | null | false;
  commandTimeout: Numeric | null | false;
  socketTimeout: Numeric | null;
  enableReadyCheck: YesOrNo;
  maxLoadingRetryTime: Numeric;
  enableOfflineQueue: YesOrNo;
  autoResendUnfulfilledCommands: YesOrNo;
  maxRetriesPerRequest: Numeric | null;
  retryStrategy: Strategy | null;
  reconnectOnError: ((error: Error) => boolean | 1 | 2) | null;
  sentinels: readonly { host?: string | undefined; port?: Numeric | undefined; family?: Numeric | undefined }[] | null;
  name: string;
  /** "slave" is refused at boot. */
  role: "master" | "slave";
  sentinelUsername: string;
  sentinelPassword: string;
  sentinelCommandTimeout: Numeric;
  sentinelRetryStrategy: Strategy | null;
  sentinelTLS: ConnectionOptions | boolean | null;
  enableTLSForSentinelMode: YesOrNo;
  /** A function is refused at boot. */
  natMap: Addresses | ((address: string) => { host: string; port: number } | null) | null;
  updateSentinels: YesOrNo;
  failoverDetector: YesOrNo;
  sentinelMaxConnections: Numeric;
  sentinelReconnectStrategy: Strategy | null;
}

/** `redisOptions`: ioredis' `RedisOptions`. docs/OPTIONS.md of the repository says how each one is treated. */
export type RedisConnectionOptions = { [Name in HonouredOption]?: Values[Name] | undefined } & {
  [Name in Exclude<IoredisOption, HonouredOption>]?: unknown;
};
