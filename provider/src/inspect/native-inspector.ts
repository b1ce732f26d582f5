/**
 * @internal The part of the addon that looks at locks. Every promise resolves with JSON, as the types in `answers.ts` say, and rejects only
 * for a fault in this package. Names of keys are those in Redis, with the namespace.
 */
export interface NativeInspector {
  /** Sends one command. `node`: `host:port` of a node of the cluster; null: the server, or any node. */
  command(node: string | null, parts: string[]): Promise<string>;
  /** The masters of the cluster; none on a single server. */
  nodes(): Promise<string>;
  /** The locks in the namespace, at most `most`. */
  scan(most: number): Promise<string>;
  /** What Redis has about locks. */
  read(keys: string[]): Promise<string>;
  /** Asks all processes who holds these keys and who waits for them; null: any key. Ends after `waitMs` at the latest. */
  ask(keys: string[] | null, waitMs: number): Promise<string>;
  /** Takes a lock away from `owner`, or from whoever has it; with a `token` only the hold that has it. `by` is what its holder is told. */
  free(key: string, owner: string | null, token: number | null, by: string): Promise<string>;
  /** Closes the connections. */
  close(): void;
}
