// The test puts this file into the example store. It is a scheduled job that holds a lock for two seconds.
import type { MedusaContainer } from "@medusajs/framework/types";
import { Modules } from "@medusajs/framework/utils";

export default async function lockedJob(container: MedusaContainer) {
  await container.resolve(Modules.LOCKING).execute("scheduled", async () => {
    console.log("scheduled began");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    console.log("scheduled ended");
  });
}

export const config = { name: "locked", schedule: "* * * * * *" };
