import { Prompt } from "@medusajs/ui";
import type { LockStatus } from "medusa-locking-redis";
import { adviceOn, consequenceOf, holderInWords, shortened, shown } from "./words";

interface Props {
  /** The lock as the user saw it; undefined: the prompt is closed. */
  lock: LockStatus | undefined;
  onCancel: () => void;
  onConfirm: (lock: LockStatus) => void;
}

/** Asks whether to take a lock away, and says what happens then. */
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

/** The longest part of a key that is shown, because a longer text would push the buttons out of sight. */
const MOST_OF_KEY = 200;

function sentences(lock: LockStatus): string[] {
  const name = shortened(lock.key, MOST_OF_KEY);
  const holder = lock.holder ? ` from ${holderInWords(lock)}` : "";
  const label = lock.label === null ? "" : `, which holds it as "${shown(lock.label)}"`;
  // If it is known where the job runs, the text above already says so.
  const advice = lock.holder && !lock.holder.stuckMs ? [] : [adviceOn(lock)];
  return [`The lock on "${name}" is taken away${holder}${holder && label}.`, consequenceOf(lock), ...advice];
}
