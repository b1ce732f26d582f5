// The rights that the README requires for the Redis user.

/** The default namespace. */
export const NS = "medusa_lock:";

/** The commands. */
export const COMMANDS =
  "EVAL EVALSHA SET GET MGET DEL EXISTS INCRBY PTTL PEXPIRE PERSIST TIME ZADD ZPOPMIN ZRANGE ZREM ZSCORE HELLO SUBSCRIBE PUBLISH SCAN INFO CLIENT SELECT SCRIPT".split(
    " ",
  );

/** All rights, as rules of ACL SETUSER. */
export const LEAST = [`~${NS}*`, "~mlr!*", "&mlr!*", ...COMMANDS.map((name) => `+${name.toLowerCase()}`)];

/** Makes a user with these rights only; its password is `pw`. */
export async function grant(bed, user, rights) {
  await bed.command("ACL", "SETUSER", user, "reset", "on", ">pw", ...rights);
}
