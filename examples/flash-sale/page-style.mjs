// The style of the page. The contrast between each text and its background is 4.5 or more, in light and dark.

/** The page's style sheet. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #ffffff; --band: #f1f4f8; --line: #d5dce5; --text: #1a2230; --quiet: #566274;
  --alone: #0b6bcb; --overlap: #c2410c; --overlap-ground: #fde3d5; --good: #0a6a3f; --bad: #b23a0a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10151d; --band: #1a212c; --line: #303a49; --text: #e6ebf2; --quiet: #9aa7b9;
    --alone: #5aa9f8; --overlap: #ff9160; --overlap-ground: #4b2313; --good: #5fd39a; --bad: #ff9b6e;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 56px; }
h1 { margin: 0 0 8px; font-size: 30px; line-height: 1.2; letter-spacing: -0.01em; }
h2 { margin: 0 0 12px; font-size: 19px; line-height: 1.35; }
header p { max-width: 58em; margin: 0 0 12px; color: var(--quiet); overflow-wrap: anywhere; }
header .verdict { color: var(--text); font-size: 18px; font-weight: 600; text-wrap: balance; }
section, figure { margin: 36px 0 0; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 28px; margin: 24px 0 -8px; padding: 0; list-style: none; font-size: 14px; }
.swatch { width: 28px; height: 16px; margin-right: 6px; vertical-align: -3px; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--alone); outline-offset: 4px; }
figure svg { display: block; width: 100%; min-width: 680px; height: auto; font-size: 12px; }
figcaption { margin-top: 4px; color: var(--quiet); font-size: 14px; }
svg text { fill: var(--text); font-variant-numeric: tabular-nums; }
svg .name { font-size: 13px; font-weight: 600; }
svg .note { fill: var(--quiet); }
.band { fill: var(--band); }
.grid { stroke: var(--line); fill: none; }
.end { stroke: var(--quiet); fill: none; stroke-width: 1.5; }
.turn { stroke: var(--quiet); fill: none; stroke-width: 1.2; stroke-dasharray: 3 2; }
.alone { fill: var(--alone); }
.overlap { fill: url(#hatch); stroke: var(--overlap); stroke-width: 0.8; }
.hatch-ground { fill: var(--overlap-ground); }
.hatch-line { fill: var(--overlap); }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { padding: 6px 28px 6px 0; border-bottom: 1px solid var(--line); text-align: right; vertical-align: bottom; white-space: nowrap; }
tr > :first-child { text-align: left; }
thead th { color: var(--quiet); font-size: 13px; font-weight: 600; }
th[colspan] { text-align: center; }
tbody th { font-weight: 400; }
#processes td:nth-child(5), #processes thead tr + tr th:nth-child(5) { padding-left: 28px; }
section p { margin: 0 0 8px; color: var(--quiet); }
details { margin-top: 12px; }
summary { cursor: pointer; }
ol { columns: 22em; margin: 8px 0 0; padding-left: 3.2em; color: var(--quiet); font-size: 13px; font-variant-numeric: tabular-nums; }
footer { max-width: 60em; margin-top: 40px; padding-top: 14px; border-top: 1px solid var(--line); color: var(--quiet); font-size: 13px; }
@media (max-width: 600px) { main { padding: 24px 16px 40px; } th, td { padding-right: 14px; } table { font-size: 14px; } }
@media (forced-colors: active) { .alone { fill: CanvasText; } .overlap { stroke: CanvasText; } }
@media print { details { display: none; } }
`;
