import { parseLabel } from "../client/arguments";

/**
 * @internal What a label is made of, in the context that Medusa's Locking Module hands to a provider. `workflowId` is there when a step passes
 * its own context on.
 */
export interface CallContext {
  workflowId?: string;
  transactionId?: string;
  requestId?: string;
}

/** @internal The label of a call that names none: workflow, transaction and request, as far as Medusa tells them. */
export function labelOf(context: CallContext | undefined): string | undefined {
  if (!context) {
    return undefined;
  }
  const { workflowId, transactionId, requestId } = context;
  if (!workflowId && !transactionId && !requestId) {
    return undefined;
  }
  const parts = [workflowId, transactionId && `transaction ${transactionId}`, requestId && `request ${requestId}`];
  return parseLabel(parts.filter(Boolean).join(", "));
}
