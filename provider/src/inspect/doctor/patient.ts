import type { Inspector } from "../inspector";

/** @internal What the doctor looks at. */
export interface Patient {
  inspector: Inspector;
  /** The namespace: what every lock key begins with. */
  prefix: string;
  /** Where the only server is, if it is spoken to in plain text. */
  plainAddress: { host: string; port: number } | null;
  /** The option cluster is given. */
  isCluster: boolean;
  /** Of the option safety; null: it is not given. */
  safetyReplicas: number | null;
  /** Of the options; false: redisOptions.protocol is 2. */
  wantsResp3: boolean;
  database: number;
  /** What the parser of the options warns of. */
  warnings: readonly string[];
}

/** @internal One server, or one node of a cluster. */
export interface Server {
  /** Its name for the inspector; null: the only one. */
  node: string | null;
  /** A lock key that nobody uses, whose slot is there. */
  lockKey: string;
  /** What side keys and channels of that slot begin with. */
  sidePrefix: string;
}

/** @internal What keeps instances from the queue, or from side keys, with the reason. */
export interface Limits {
  /** Callers would poll. */
  polling: string[];
  /** Side keys cannot be used. */
  plain: string[];
  /** No lock can be given. */
  none: string[];
}
