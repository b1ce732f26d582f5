import { MedusaError } from "@medusajs/framework/utils";
import { LockError } from "../client/errors";

// A shop may check `error instanceof MedusaError`. The client does not depend on Medusa, and there must be only one class of errors. So this class
// becomes a subclass of `MedusaError` when Medusa is there.
Object.setPrototypeOf(LockError.prototype, MedusaError.prototype);
