import { parseLabel } from "../client/arguments";

/**
 * The parts of a label, in the context that Medusa's Locking Module hands to a provider. `workflowId` is there if a step passes its own context on.
 */
export interface CallContext {
  /** The workflow. */
  workflowId?: string;
  /** The run of the workflow. */
  transactionId?: string;
  /** The request of a customer or an admin. */
  requestId?: string;
}

/** @internal The label of a call without its own label: workflow, transaction and request, as far as Medusa tells them. */
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
