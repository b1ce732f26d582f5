// The package's entry. The provider's source is in provider/src, the addon's in src.
const { default: provider, RedisLockingProvider, lockOperations } = require("./provider/dist/index.js");

// Both `require("…")` and `import provider from "…"` give an object that Medusa accepts as a provider. `default` must not be a circle,
// since Medusa follows it as long as there is one.
Object.assign(exports, provider);
exports.default = provider;
exports.RedisLockingProvider = RedisLockingProvider;
exports.lockOperations = lockOperations;
