/**
 * @internal The part of the addon that inspects locks. Every promise resolves with JSON of the types in `answers.ts`, and rejects only for a fault
 * in this package. All names of keys are the names in Redis, with the namespace.
 */
export interface NativeInspector {
  /** Sends one command. `node`: `host:port` of a node of the cluster; null: the only server, or any node. */
  command(node: string | null, parts: string[]): Promise<string>;
  /** The masters of the cluster; empty on a single server. */
  nodes(): Promise<string>;
  /** The locks in the namespace, at most `most`. */
  scan(most: number): Promise<string>;
  /** Reads locks from Redis. */
  read(keys: string[]): Promise<string>;
  /** Asks all processes which of them hold these keys or wait for them; null: any key. Ends after `waitMs` at the latest. */
  ask(keys: string[] | null, waitMs: number): Promise<string>;
  /** Takes a lock away from `owner`, or (null) from any holder; with a `token`, only from the hold that has it. The holder is told `by`. */
  free(key: string, owner: string | null, token: number | null, by: string): Promise<string>;
  /** Closes the connections. */
  close(): void;
}
