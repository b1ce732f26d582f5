// This runs in a project that installed the package: it boots the provider, locks, and must then end by itself. argv: the URL of Redis.

const provider = require("medusa-locking-redis");
const { play } = require("./shop.play.cjs");

module.exports = play(provider.default ?? provider, process.argv[2]).then(console.log);
