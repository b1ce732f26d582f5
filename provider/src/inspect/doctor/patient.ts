import type { Inspector } from "../inspector";

/** @internal The provider that the doctor examines. */
export interface Patient {
  inspector: Inspector;
  /** The namespace, with which every lock key begins. */
  prefix: string;
  /** The address of the only server, if the connection is in plain text. */
  plainAddress: { host: string; port: number } | null;
  /** The option `cluster` is given. */
  isCluster: boolean;
  /** `replicas` of the option `safety`; null: the option is not given. */
  safetyReplicas: number | null;
  /** False if redisOptions.protocol is 2. */
  wantsResp3: boolean;
  database: number;
  /** The warnings of the options' parser. */
  warnings: readonly string[];
}

/** @internal One server, or one node of a cluster. */
export interface Server {
  /** The inspector's name for it; null: the only server. */
  node: string | null;
  /** A lock key that nobody uses, in one of its slots. */
  lockKey: string;
  /** The beginning of side keys and channels of that slot. */
  sidePrefix: string;
}

/** @internal The reasons why instances cannot use the queue or side keys, by their effect. */
export interface Limits {
  /** Callers would poll. */
  polling: string[];
  /** Side keys cannot be used. */
  plain: string[];
  /** No lock can be given. */
  none: string[];
}
