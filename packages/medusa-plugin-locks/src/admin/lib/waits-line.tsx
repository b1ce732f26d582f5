import { Text } from "@medusajs/ui";
import { counted } from "./words";

/** The number of answers that the line shows: five minutes with the shortest pauses, while the page is visible. */
export const MOST_WAITS = 100;
const WIDTH = 120;
const HEIGHT = 24;

interface Props {
  /** How many calls waited at each answer, the newest last. */
  waits: readonly number[];
}

/** The number of calls that wait, and a line of its earlier values. */
export function WaitsLine({ waits }: Props) {
  const now = waits.at(-1);
  if (now === undefined) {
    return null;
  }
  const most = Math.max(...waits);
  const words = `${counted(now, "call")} ${now === 1 ? "waits" : "wait"}`;
  return (
    <div className="text-ui-fg-interactive flex items-center gap-x-2">
      <svg width={WIDTH} height={HEIGHT} role="img" aria-label={`${words}; ${most} at most since the page was opened`}>
        <polyline points={pointsOf(waits, most)} fill="none" stroke="currentColor" strokeWidth="1.5" />
      </svg>
      <Text size="small" className="text-ui-fg-subtle whitespace-nowrap">
        {words}
      </Text>
    </div>
  );
}

/** The newest value is at the right edge, also if the line begins later than the left edge. The lower edge means that no call waits. */
function pointsOf(waits: readonly number[], most: number): string {
  const step = WIDTH / (MOST_WAITS - 1);
  return waits
    .map((count, at) => {
      const x = WIDTH - (waits.length - 1 - at) * step;
      const y = HEIGHT - 1 - (count / Math.max(most, 1)) * (HEIGHT - 2);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}
