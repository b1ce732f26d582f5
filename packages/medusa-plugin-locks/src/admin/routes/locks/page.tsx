import { defineRouteConfig } from "@medusajs/admin-sdk";
import { LockClosedSolid } from "@medusajs/icons";
import { Alert, Container, Heading, Input, Table, Text, toast } from "@medusajs/ui";
import type { LockList, LockStatus } from "medusa-locking-redis";
import { useState } from "react";
import { releaseLock } from "../../lib/client";
import { LockDrawer } from "../../lib/lock-drawer";
import { LockTable } from "../../lib/lock-table";
import { ReleasePrompt } from "../../lib/release-prompt";
import { type Trouble, useLocks } from "../../lib/use-locks";
import { WaitsLine } from "../../lib/waits-line";
import { counted, shortened, shown } from "../../lib/words";

const PAGE_SIZE = 20;

const TROUBLE_IN_WORDS: Record<Trouble["kind"], string> = {
  provider: "The locks cannot be shown.",
  redis: "Redis does not answer, so the locks cannot be read. The page tries again by itself.",
  server: "The store does not answer as it should. The page tries again by itself.",
};

const LocksPage = () => {
  const [filter, setFilter] = useState("");
  const { list, trouble, waits, refresh } = useLocks(filter);
  const [page, setPage] = useState(0);
  const [shownKey, setShownKey] = useState<string>();
  const [asked, setAsked] = useState<LockStatus>();

  const found = matching(list?.locks ?? [], filter);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_SIZE));
  // The number of locks changes, so the page that was shown may not exist any more.
  const current = Math.min(page, pages - 1);

  const release = async (lock: LockStatus) => {
    setAsked(undefined);
    try {
      await releaseLock(lock);
      toast.success("The lock was released", { description: shortened(lock.key, 80) });
    } catch (error) {
      toast.error("The lock was not released", { description: error instanceof Error ? error.message : String(error) });
    }
    refresh();
  };

  return (
    <Container className="divide-y p-0">
      <div className="flex flex-wrap items-center justify-between gap-4 px-6 py-4">
        <div>
          <Heading level="h1">Locks</Heading>
          <Text size="small" className="text-ui-fg-subtle">
            {list ? summaryOf(list) : "Who holds which lock, and who waits for it."}
          </Text>
        </div>
        <div className="flex flex-wrap items-center gap-4">
          <WaitsLine waits={waits} />
          <Input
            type="search"
            size="small"
            placeholder="Filter by key or label"
            aria-label="Filter by key or label"
            value={filter}
            onChange={(event) => {
              setFilter(event.target.value);
              setPage(0);
            }}
          />
        </div>
      </div>
      {trouble && (
        <div className="px-6 py-4">
          <Alert variant={trouble.kind === "provider" ? "warning" : "error"} role="alert">
            <span className="block break-words">{TROUBLE_IN_WORDS[trouble.kind]}</span>
            <span className="block break-words">{shown(trouble.reason)}</span>
            {list && <span className="block">What was known before is shown below.</span>}
          </Alert>
        </div>
      )}
      {list?.unasked && (
        <div className="px-6 py-4">
          <Alert variant="warning">
            The instances could not be asked ({shown(list.unasked)}). Hosts, labels and most waiters are not known.
          </Alert>
        </div>
      )}
      {list && found.length > 0 && (
        <>
          <LockTable
            locks={found.slice(current * PAGE_SIZE, (current + 1) * PAGE_SIZE)}
            onShow={({ key }) => setShownKey(key)}
            onRelease={setAsked}
          />
          <Table.Pagination
            count={found.length}
            pageSize={PAGE_SIZE}
            pageIndex={current}
            pageCount={pages}
            canPreviousPage={current > 0}
            canNextPage={current < pages - 1}
            previousPage={() => setPage(current - 1)}
            nextPage={() => setPage(current + 1)}
          />
        </>
      )}
      {found.length === 0 && (list || !trouble) && (
        <Text size="small" className="text-ui-fg-subtle px-6 py-8 text-center">
          {emptyInWords(list, filter)}
        </Text>
      )}
      <LockDrawer
        shownKey={shownKey}
        lock={list?.locks.find(({ key }) => key === shownKey)}
        onClose={() => setShownKey(undefined)}
        onRelease={(lock) => {
          setShownKey(undefined);
          setAsked(lock);
        }}
      />
      <ReleasePrompt lock={asked} onCancel={() => setAsked(undefined)} onConfirm={release} />
    </Container>
  );
};

function matching(locks: readonly LockStatus[], filter: string): LockStatus[] {
  const sought = filter.toLowerCase();
  return locks.filter(({ key, label }) => [key, label ?? ""].some((text) => text.toLowerCase().includes(sought)));
}

function summaryOf({ locks, more, processes }: LockList): string {
  const rest = more ? ", and more: to find one that is not here, type its whole key" : "";
  return `${counted(locks.length, "lock")}${rest}. ${counted(processes, "instance")} answered.`;
}

function emptyInWords(list: LockList | undefined, filter: string): string {
  if (!list) {
    return "Asking Redis…";
  }
  return list.locks.length > 0 ? `No lock has "${shown(filter)}" in its key or label.` : "No locks. Nobody holds one at the moment.";
}

export const config = defineRouteConfig({ label: "Locks", icon: LockClosedSolid });

export default LocksPage;
