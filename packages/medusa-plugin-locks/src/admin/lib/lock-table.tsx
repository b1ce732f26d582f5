import { Badge, Button, Table } from "@medusajs/ui";
import type { LockStatus } from "medusa-locking-redis";
import type { ReactNode } from "react";
import { duration, holderInWords, leaseInWords, shown, waitersInWords } from "./words";

interface Props {
  locks: readonly LockStatus[];
  /** The user wants to see more about a lock. */
  onShow: (lock: LockStatus) => void;
  /** The user wants to take a lock away. */
  onRelease: (lock: LockStatus) => void;
}

/** A page of locks, one line per lock. */
export function LockTable({ locks, onShow, onRelease }: Props) {
  return (
    <div className="overflow-x-auto">
      <Table>
        <Table.Header>
          <Table.Row>
            <Table.HeaderCell>Key</Table.HeaderCell>
            <Table.HeaderCell>Held by</Table.HeaderCell>
            <Table.HeaderCell>Label</Table.HeaderCell>
            <Table.HeaderCell className="text-right">Held for</Table.HeaderCell>
            <Table.HeaderCell className="text-right">Lease left</Table.HeaderCell>
            <Table.HeaderCell className="text-right">Waiting</Table.HeaderCell>
            <Table.HeaderCell className="text-right">Longest wait</Table.HeaderCell>
            <Table.HeaderCell>
              <span className="sr-only">Release</span>
            </Table.HeaderCell>
          </Table.Row>
        </Table.Header>
        <Table.Body>
          {locks.map((lock) => (
            <LockRow key={lock.key} lock={lock} onShow={onShow} onRelease={onRelease} />
          ))}
        </Table.Body>
      </Table>
    </div>
  );
}

function LockRow({ lock, onShow, onRelease }: { lock: LockStatus } & Pick<Props, "onShow" | "onRelease">) {
  const key = shown(lock.key);
  const { count, longestMs } = lock.waiters;
  return (
    <Table.Row data-lock={lock.key}>
      <Table.Cell>
        <button
          type="button"
          className="text-ui-fg-interactive hover:text-ui-fg-interactive-hover block max-w-[260px] truncate text-left"
          title={key}
          onClick={() => onShow(lock)}
        >
          {key === "" ? '""' : key}
        </button>
      </Table.Cell>
      <Table.Cell>
        <span className="flex items-center gap-x-2">
          <Cut text={holderInWords(lock)} />
          <HolderBadge lock={lock} />
        </span>
      </Table.Cell>
      <Table.Cell>
        <Cut text={shown(lock.label ?? "")} />
      </Table.Cell>
      <NumberCell>{lock.heldMs === null ? "" : duration(lock.heldMs)}</NumberCell>
      <NumberCell>{leaseInWords(lock)}</NumberCell>
      <NumberCell>
        <Badge size="2xsmall" color={count > 0 ? "orange" : "grey"}>
          {waitersInWords(lock)}
        </Badge>
      </NumberCell>
      <NumberCell>{longestMs > 0 ? duration(longestMs) : ""}</NumberCell>
      <Table.Cell className="text-right">
        {mayBeReleased(lock) && (
          <Button size="small" variant="secondary" aria-label={`Release ${key}`} onClick={() => onRelease(lock)}>
            Release
          </Button>
        )}
      </Table.Cell>
    </Table.Row>
  );
}

/** Whether somebody has had the lock for longer than a hand-over takes. */
export function mayBeReleased(lock: LockStatus): boolean {
  return lock.owner !== null && lock.kind !== "grant";
}

function HolderBadge({ lock }: { lock: LockStatus }) {
  if (lock.holderAnswers === false) {
    return (
      <Badge size="2xsmall" color="red">
        silent
      </Badge>
    );
  }
  return lock.holder?.stuckMs ? (
    <Badge size="2xsmall" color="red">
      stuck for {duration(lock.holder.stuckMs)}
    </Badge>
  ) : null;
}

function Cut({ text }: { text: string }) {
  return (
    <span className="block max-w-[220px] truncate" title={text}>
      {text}
    </span>
  );
}

function NumberCell({ children }: { children: ReactNode }) {
  return <Table.Cell className="whitespace-nowrap text-right">{children}</Table.Cell>;
}
