import { Prompt } from "@medusajs/ui";
import type { LockStatus } from "medusa-locking-redis";
import { adviceOn, consequenceOf, holderInWords, shortened, shown } from "./words";

interface Props {
  /** The lock as the user saw it; undefined: nothing is asked. */
  lock: LockStatus | undefined;
  onCancel: () => void;
  onConfirm: (lock: LockStatus) => void;
}

/** Asks whether a lock is to be taken away, and says what happens then. */
export function ReleasePrompt({ lock, onCancel, onConfirm }: Props) {
  return (
    <Prompt variant="danger" open={lock !== undefined} onOpenChange={(isOpen) => isOpen || onCancel()}>
      <Prompt.Content>
        <Prompt.Header>
          <Prompt.Title>Release this lock?</Prompt.Title>
          <Prompt.Description className="break-words">{lock && sentences(lock).join(" ")}</Prompt.Description>
        </Prompt.Header>
        <Prompt.Footer>
          <Prompt.Cancel>Cancel</Prompt.Cancel>
          <Prompt.Action onClick={() => lock && onConfirm(lock)}>Release</Prompt.Action>
        </Prompt.Footer>
      </Prompt.Content>
    </Prompt>
  );
}

/** The longest part of a key that is shown: the rest would push the buttons out of sight. */
const MOST_OF_KEY = 200;

function sentences(lock: LockStatus): string[] {
  const name = shortened(lock.key, MOST_OF_KEY);
  const holder = lock.holder ? ` from ${holderInWords(lock)}` : "";
  const label = lock.label === null ? "" : `, which holds it as "${shown(lock.label)}"`;
  // Where the job is known to run, that was said.
  const advice = lock.holder && !lock.holder.stuckMs ? [] : [adviceOn(lock)];
  return [`The lock on "${name}" is taken away${holder}${holder && label}.`, consequenceOf(lock), ...advice];
}
