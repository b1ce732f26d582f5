// The example store with the Admin, the plugin, and a session cookie that a browser accepts without TLS.

import { defineConfig } from "@medusajs/framework/utils";

const { REDIS_URL, DATABASE_URL, LOCKING_PROVIDER } = process.env;

module.exports = defineConfig({
  projectConfig: {
    databaseUrl: DATABASE_URL,
    databaseDriverOptions: { connection: { ssl: false } },
    cookieOptions: { secure: false, sameSite: "lax" },
    http: {
      storeCors: "http://localhost:8000",
      adminCors: "http://localhost:9000",
      authCors: "http://localhost:9000",
      jwtSecret: "only-for-this-test",
      cookieSecret: "only-for-this-test",
    },
  },
  plugins: [{ resolve: "medusa-plugin-locks", options: {} }],
  modules: [
    { resolve: "./src/modules/stock" },
    {
      resolve: "@medusajs/medusa/locking",
      options: {
        providers: [{ resolve: LOCKING_PROVIDER, id: "locking-redis", is_default: true, options: { redisUrl: REDIS_URL } }],
      },
    },
  ],
});
