import { connect } from "node:tls";
import { FINDINGS, type Finding, type FindingId, finding } from "./findings";
import type { Patient } from "./patient";

/** How long a server may take to show that it speaks TLS, in milliseconds. */
const TLS_LIMIT_MS = 2_000;

/** Findings by the addon's text about a failed connection. The order matters, because the texts about TLS also name the error below TLS. */
const REASONS: readonly (readonly [RegExp, FindingId])[] = [
  [/asks for a password|NOAUTH/i, "password-missing"],
  [
    /refused the user name or password|WRONGPASS|did not take the command AUTH|invalid password|called without any password/i,
    "password-wrong",
  ],
  [/speaks TLS here/i, "tls-needed"],
  [/not speak TLS here/i, "tls-not-spoken"],
  [/has expired|not valid (yet|before|after)/i, "certificate-expired"],
  [/for another name/i, "certificate-name"],
  [/nobody who is trusted/i, "certificate-untrusted"],
  [/client certificate|fatal alert: .*(certificate|unknown ?ca)/i, "client-certificate"],
  [/refused database|DB index is out of range|invalid DB index/i, "database-refused"],
  [/cluster support disabled|no node of a cluster|not a cluster/i, "not-a-cluster"],
  [/all sentinels are unreachable/i, "sentinels"],
  [/could not be resolved|has no address|ENOTFOUND/i, "host-unknown"],
  [/cannot be used for now|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN/, "not-ready"],
  [/TLS with .* failed/i, "tls-failed"],
  [/ECONNREFUSED|connect ENOENT/, "connection-refused"],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|timed? ?out|no answer|did not answer|in time/i, "connection-timeout"],
];

/** A part of the addon's reason that the finding itself already says. */
const REPEATED = "; nothing listens there: start Redis, or check redisUrl";

/** @internal The finding about a failed connection, by the text of the addon or the server. */
export async function connectionFinding(reason: string, { plainAddress }: Patient): Promise<Finding> {
  const [, known] = REASONS.find(([pattern]) => pattern.test(reason)) ?? [undefined, "unreachable" as const];
  // A server that speaks TLS closes the connection, or sends nothing that can be read as a reply.
  const id = known === "unreachable" && plainAddress && (await speaksTls(plainAddress)) ? "tls-needed" : known;
  return finding(id, `${FINDINGS[id].means.replace(/\.$/, "")}: ${reason.replace(REPEATED, "")}`);
}

function speaksTls({ host, port }: { host: string; port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    // Only the greeting is sent, so any certificate will do.
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: TLS_LIMIT_MS });
    const end = (speaks: boolean) => {
      socket.destroy();
      resolve(speaks);
    };
    socket.on("secureConnect", () => end(true));
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code?.startsWith("ERR_SSL_TLSV1") ?? false));
    socket.on("timeout", () => end(false));
    socket.on("close", () => end(false));
  });
}
