import { defineConfig } from "@medusajs/framework/utils";

module.exports = defineConfig({
  admin: { disable: true },
  projectConfig: {
    databaseUrl: process.env.DATABASE_URL,
    databaseDriverOptions: { connection: { ssl: false } },
    http: {
      storeCors: "http://localhost:8000",
      adminCors: "http://localhost:9000",
      authCors: "http://localhost:8000",
      jwtSecret: process.env.JWT_SECRET || "only-for-this-example",
      cookieSecret: process.env.COOKIE_SECRET || "only-for-this-example",
    },
  },
  modules: [
    { resolve: "./src/modules/stock" },
    {
      resolve: "@medusajs/medusa/locking",
      options: {
        providers: [
          {
            // A shop changes only this line; it was "@medusajs/medusa/locking-redis".
            resolve: process.env.LOCKING_PROVIDER || "medusa-locking-redis",
            id: "locking-redis",
            is_default: true,
            options: {
              redisUrl: process.env.REDIS_URL || "redis://127.0.0.1:6379",
            },
          },
        ],
      },
    },
  ],
});
