// Boots the provider as Medusa's loaders do, and locks. It leaves nothing behind that keeps a process alive.

const { createMedusaContainer } = require("@medusajs/framework/utils");

/**
 * @param {object} provider the exports of the package
 * @param {string} redisUrl
 * @returns {Promise<string>} "locked"
 */
exports.play = async function play({ loaders, services }, redisUrl) {
  const logger = { info() {}, warn: console.error, error: console.error };
  const container = createMedusaContainer();
  container.register("logger", { resolve: () => logger });
  await loaders[0]({ container, logger, options: { redisUrl }, moduleOptions: {} });
  const locking = new services[0](container.cradle);
  const answer = await locking.execute("rehearsed", async () => "locked");
  await locking.shutdown();
  return answer;
};
