// The package's public face; the provider is written in provider/src, the addon in src.
const { default: provider, RedisLockingProvider } = require("./provider/dist/index.js");

// So that both `require("…")` and `import provider from "…"` give what Medusa takes as a provider. No circle: Medusa
// follows `default` for as long as there is one.
Object.assign(exports, provider);
exports.default = provider;
exports.RedisLockingProvider = RedisLockingProvider;
