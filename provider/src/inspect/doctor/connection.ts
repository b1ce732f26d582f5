import { type Finding, type FindingId, finding } from "./findings";

/** By what the addon says of a connection that failed, in this order: the texts of TLS also name what lies below. */
const REASONS: readonly (readonly [RegExp, FindingId])[] = [
  [/asks for a password|NOAUTH/i, "password-missing"],
  [/refused the user name or password|WRONGPASS|did not take the command AUTH|invalid password/i, "password-wrong"],
  [/speaks TLS here/i, "tls-needed"],
  [/not speak TLS here/i, "tls-not-spoken"],
  [/has expired|not valid (yet|before|after)/i, "certificate-expired"],
  [/for another name/i, "certificate-name"],
  [/nobody who is trusted/i, "certificate-untrusted"],
  [/client certificate/i, "client-certificate"],
  [/refused database/i, "database-refused"],
  [/cluster support disabled|no node of a cluster|not a cluster/i, "not-a-cluster"],
  [/could not be resolved|has no address|ENOTFOUND/i, "host-unknown"],
  [/cannot be used for now|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN/, "not-ready"],
  [/TLS with .* failed/i, "tls-failed"],
  [/ECONNREFUSED|connect ENOENT/, "connection-refused"],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timed? ?out|no answer|did not answer|in time/i, "connection-timeout"],
];

/** @internal Why there is no connection, by what the addon or the server says. */
export function connectionFinding(reason: string): Finding {
  const [, id] = REASONS.find(([pattern]) => pattern.test(reason)) ?? [undefined, "unreachable" as const];
  return finding(id, reason);
}
