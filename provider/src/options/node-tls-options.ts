import { type OptionTable, optionTable } from "./option-table";

const NEEDS_NODE = "needs Node's own TLS stack and cannot be used with this package";

/** @internal All options of Node's `tls.connect` with their treatment in `redisOptions.tls`; docs/OPTIONS.md is also made from this table. */
export const NODE_TLS_OPTIONS: OptionTable = optionTable({
  honoured: {
    ca: "the authorities to trust, in PEM, or a Buffer in DER. They replace those that Node trusts, with those in the file that NODE_EXTRA_CA_CERTS names. A server's own certificate may be among them",
    cert: "the client's certificate, and its chain after it, in PEM; needs `key`. Only one certificate",
    key: "its private key, in PEM, or a `KeyObject`; may be encrypted",
    passphrase: "the password of an encrypted `key`",
    servername:
      'the name that the server\'s certificate must be for, which is also sent to the server (SNI). Default: the host, which Node would not send; "": none is sent',
    rejectUnauthorized:
      "false: accept any certificate, with a warning in the log. Without the option, the environment variable NODE_TLS_REJECT_UNAUTHORIZED=0 does the same",
    skipHostnameCheck:
      "an option of this package: true accepts a certificate for any name if it is otherwise valid. It replaces `checkServerIdentity: () => undefined`",
    minVersion: '"TLSv1.2" (default) or "TLSv1.3"; lower ones count as "TLSv1.2"',
    maxVersion: '"TLSv1.3" (default) or "TLSv1.2"; lower ones are refused',
    secureProtocol: '"TLS_method", "SSLv23_method" (all versions) or "TLSv1_2_method"; others are refused',
    ciphers:
      "cipher suites by name, of those that rustls has: TLS 1.3, and ECDHE with AES-GCM or ChaCha20. Others are left out; with OpenSSL's keywords (`HIGH:!aNULL`) the defaults are used, with a warning in the log",
    ecdhCurve: "X25519, P-256 (prime256v1) and P-384 (secp384r1), separated by colons; others are left out. Default: all",
    ALPNProtocols: "the protocols to offer by ALPN",
    crl: "revocation lists, in PEM",
    host: "wins over the one outside of `tls`",
    port: "wins over the one outside of `tls`",
    path: "wins over the one outside of `tls`",
    family: "wins over the one outside of `tls`",
    localAddress: "the IP address to connect from",
  },
  ignored: {
    session: "sessions are resumed automatically",
    sessionTimeout: "only servers use it",
    ticketKeys: "only servers use it",
    sessionIdContext: "only servers use it",
    dhparam: "only servers use it",
    honorCipherOrder: "only servers use it",
    requestCert: "only servers use it",
    SNICallback: "only servers use it",
    ALPNCallback: "only servers use it",
    minDHSize: "rustls has no finite-field Diffie-Hellman",
    requestOCSP: "ioredis does nothing with the answer",
    enableTrace: "for debugging Node",
    allowPartialTrustChain: "every certificate in `ca` is trusted by itself anyway",
    allowHalfOpen: "no meaning for Redis",
    highWaterMark: "no meaning here",
    readable: "no meaning here",
    writable: "no meaning here",
    fd: "no meaning here",
    hints: "no meaning here",
    noDelay: "ioredis sets what `redisOptions.noDelay` says",
    keepAlive: "ioredis sets what `redisOptions.keepAlive` says",
    keepAliveInitialDelay: "ioredis sets what `redisOptions.keepAlive` says",
    autoSelectFamily: "all addresses of a name are tried",
    autoSelectFamilyAttemptTimeout: "all addresses of a name are tried",
  },
  warned: {
    sigalgs: "is ignored: signature algorithms are rustls' own",
    timeout: "is ignored: use redisOptions.socketTimeout",
    secureOptions: "is ignored: OpenSSL is not used",
  },
  refused: {
    pfx: "is not supported; convert it to tls.cert and tls.key (openssl pkcs12)",
    checkServerIdentity: "is not supported; use tls.servername, or our option skipHostnameCheck",
    lookup: "functions are not supported",
    profile: "is not supported, pass tls.ca",
    localPort: [
      "is not supported: an instance has several connections, and one port serves one of them, so locks would not be renewed. Leave it out; tls.localAddress names the address to connect from",
      0,
      "0",
      "",
    ],
    socket: NEEDS_NODE,
    secureContext: NEEDS_NODE,
    pskCallback: NEEDS_NODE,
    privateKeyEngine: NEEDS_NODE,
    privateKeyIdentifier: NEEDS_NODE,
    clientCertEngine: NEEDS_NODE,
    onread: NEEDS_NODE,
    signal: NEEDS_NODE,
  },
});
