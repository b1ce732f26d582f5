// Draws bar charts as SVG, readable on light and dark pages.

import { NAMES, ORDER } from "./words.mjs";

const WIDTH = 760;
const LABELS = 216;
const BARS = 400;
const ROW = 26;
const HEAD = 44;
const GAP = 18;

const STYLE = `
    text { font: 14px -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 15px; }
    .note { fill: #59636e; font-size: 13px; }
    .bar { fill: #8c959f; }
    .ours { fill: #0969da; }
    .name { font-weight: 600; }
    .spread { stroke: #1f2328; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .note { fill: #9198a1; }
      .bar { fill: #656c76; }
      .ours { fill: #4493f8; }
      .spread { stroke: #f0f6fc; }
    }`;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/**
 * @param {string} title a text for people who cannot see the chart
 * @param {{ title: string, note: string, format: (value: number) => string, figures: Record<string, { median: number | null, rounds:
 *   number[] }> }[]} panels one above the other, each with its own scale and a bar per contestant
 * @returns {string} the SVG
 */
export function barChart(title, panels) {
  let top = 0;
  const parts = panels.map((panel) => {
    const { text, height } = drawPanel(panel, top);
    top += height + GAP;
    return text;
  });
  const height = top - GAP + 4;
  const size = `viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(title)}" ${size}>
  <title>${escaped(title)}</title>
  <style>${STYLE}
  </style>
${parts.join("\n")}
</svg>
`;
}

function drawPanel({ title, note, format, figures }, top) {
  const names = ORDER.filter((name) => figures[name] && figures[name].median !== null);
  const most = Math.max(...names.flatMap((name) => figures[name].rounds));
  const x = (value) => Number((LABELS + (value / most) * BARS).toFixed(1));
  const lines = [
    `  <text class="title" x="0" y="${top + 16}">${escaped(title)}</text>`,
    `  <text class="note" x="0" y="${top + 34}">${escaped(note)}</text>`,
  ];
  for (const [at, name] of names.entries()) {
    const y = top + HEAD + at * ROW;
    const { median, rounds } = figures[name];
    const [least, largest] = [Math.min(...rounds), Math.max(...rounds)];
    const ours = name === "ours";
    const width = Math.max(x(median) - LABELS, 1.5).toFixed(1);
    lines.push(
      `  <text${ours ? ' class="name"' : ""} x="${LABELS - 10}" y="${y + 16}" text-anchor="end">${escaped(NAMES[name])}</text>`,
      `  <rect class="${ours ? "ours" : "bar"}" x="${LABELS}" y="${y + 3}" width="${width}" height="18" rx="2"/>`,
    );
    if (largest > least) lines.push(`  <path class="spread" d="M${x(least)} ${y + 12}H${x(largest)}"/>`);
    lines.push(`  <text x="${Math.max(x(median), x(largest)) + 8}" y="${y + 17}">${escaped(format(median))}</text>`);
  }
  return { text: lines.join("\n"), height: HEAD + names.length * ROW };
}
