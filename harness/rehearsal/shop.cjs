// Played in a project that installed the package: boots the provider as Medusa's loaders do, locks, and must then end by itself.
// argv: the URL of Redis.

const provider = require("medusa-locking-redis");
const { createMedusaContainer } = require("@medusajs/framework/utils");

module.exports = play(provider.default ?? provider);

async function play({ loaders, services }) {
  const logger = { info() {}, warn: console.error, error: console.error };
  const container = createMedusaContainer();
  container.register("logger", { resolve: () => logger });
  await loaders[0]({ container, logger, options: { redisUrl: process.argv[2] }, moduleOptions: {} });
  const locking = new services[0](container.cradle);
  const answer = await locking.execute("rehearsed", async () => "locked");
  await locking.shutdown();
  console.log(answer);
}
