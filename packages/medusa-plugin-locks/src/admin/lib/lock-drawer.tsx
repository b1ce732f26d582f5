import { Button, Drawer, Text } from "@medusajs/ui";
import type { LockStatus } from "medusa-locking-redis";
import { mayBeReleased } from "./lock-table";
import { adviceOn, counted, duration, holderInWords, leaseInWords, placeOf, shortened, shown } from "./words";

interface Props {
  /** The key that the drawer shows; undefined: the drawer is closed. */
  shownKey: string | undefined;
  /** The known facts about the lock; undefined: nobody has it any more. */
  lock: LockStatus | undefined;
  onClose: () => void;
  onRelease: (lock: LockStatus) => void;
}

/** The longest part of a key in the title, which does not scroll. */
const MOST_OF_KEY = 120;

/** All known facts about one lock. */
export function LockDrawer({ shownKey, lock, onClose, onRelease }: Props) {
  return (
    <Drawer open={shownKey !== undefined} onOpenChange={(isOpen) => isOpen || onClose()}>
      <Drawer.Content>
        <Drawer.Header>
          <Drawer.Title className="break-words">{shortened(shownKey ?? "", MOST_OF_KEY)}</Drawer.Title>
          <Drawer.Description>{lock ? adviceOn(lock) : "Nobody has this lock any more, and nobody waits for it."}</Drawer.Description>
        </Drawer.Header>
        <Drawer.Body className="overflow-y-auto">{lock && <Facts lock={lock} />}</Drawer.Body>
        <Drawer.Footer>
          <Drawer.Close asChild>
            <Button variant="secondary">Close</Button>
          </Drawer.Close>
          {lock && mayBeReleased(lock) && (
            <Button variant="danger" onClick={() => onRelease(lock)}>
              Release
            </Button>
          )}
        </Drawer.Footer>
      </Drawer.Content>
    </Drawer>
  );
}

function Facts({ lock }: { lock: LockStatus }) {
  return (
    <dl className="flex flex-col gap-y-4">
      {factsOf(lock).map(([name, text]) => (
        <div key={name}>
          <Text as="span" size="small" weight="plus">
            {name}
          </Text>
          <Text as="div" size="small" className="text-ui-fg-subtle whitespace-pre-line break-words">
            {text}
          </Text>
        </div>
      ))}
    </dl>
  );
}

function factsOf(lock: LockStatus): [string, string][] {
  const { holder, waiters } = lock;
  const all: [name: string, text: string | null][] = [
    ["Key", lock.key.length > MOST_OF_KEY ? shown(lock.key) : null],
    ["Held by", holderInWords(lock)],
    ["Label", lock.label && shown(lock.label)],
    ["Held for", lock.heldMs === null ? null : duration(lock.heldMs)],
    ["Lease left", leaseInWords(lock) || null],
    ["Waiting", waitersOf(waiters)],
    ["Owner in Redis", lock.owner && shown(lock.owner)],
    ["Fencing token", lock.token === null ? null : String(lock.token)],
    ["Version there", holder && `medusa-locking-redis ${shown(holder.package)}, ${shown(holder.node)}, ${shown(holder.mode)}`],
  ];
  return all.filter((fact): fact is [string, string] => fact[1] !== null);
}

function waitersOf({ count, processes, unknown, clients }: LockStatus["waiters"]): string {
  const lines = processes.map((process) => {
    const labels = process.labels.length > 0 ? ` (${process.labels.map(shown).join(", ")})` : "";
    return `${placeOf(process)}: ${counted(process.count, "call")}, the longest for ${duration(process.longestMs)}${labels}`;
  });
  if (count === 0) {
    lines.push(clients > 0 ? `${counted(clients, "client")} in the queue did not say for whom.` : "Nobody is known to wait.");
  }
  return [...lines, ...(unknown ? ["More may wait who do not tell."] : [])].join("\n");
}
