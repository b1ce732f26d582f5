// The test puts this file into the example store. It is a subscriber that holds a lock for two seconds.
import type { SubscriberArgs } from "@medusajs/framework";
import { Modules } from "@medusajs/framework/utils";

export default async function lockedSubscriber({ container }: SubscriberArgs) {
  await container.resolve(Modules.LOCKING).execute("subscribed", async () => {
    console.log("subscribed began");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    console.log("subscribed ended");
  });
}

export const config = { event: "test.locked" };
