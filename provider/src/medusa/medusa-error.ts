import { MedusaError } from "@medusajs/framework/utils";
import { LockError } from "../client/errors";

// A shop may ask `error instanceof MedusaError`. The client knows no Medusa, and there is to be one class of errors, so it becomes a
// subclass when Medusa is there.
Object.setPrototypeOf(LockError.prototype, MedusaError.prototype);
