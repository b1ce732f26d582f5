// Locks without Medusa. Each name is assigned by itself, so that `import { createLocks } from "medusa-locking-redis/client"` finds it.
const { createLocks, LockError, Locks } = require("./provider/dist/standalone/index.js");

exports.createLocks = createLocks;
exports.LockError = LockError;
exports.Locks = Locks;
