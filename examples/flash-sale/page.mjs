// The page that shows both sales as a picture. It is one HTML file that loads nothing. It is readable in light and dark, and it also shows
// the checkouts as text.

import fs from "node:fs/promises";
import path from "node:path";
import { UserError } from "../../harness/process.mjs";
import { viewsOf } from "./holds.mjs";
import { STYLE } from "./page-style.mjs";

// Lengths of the pictures, in units of their view box.
const WIDTH = 1000;
const LEFT = 136;
const RIGHT = 14;
const AXIS = 34;
const LEAST_BAND = 38;
const BAND_GAP = 6;
const BAND_PAD = 5;
const ROW_GAP = 2;

/**
 * @typedef {object} Sales
 * @property {string} label the name of the locking provider
 * @property {number} buyers
 * @property {number} items
 * @property {number} processes
 * @property {[name: string, without: string, withLock: string][]} rows the table of the run
 * @property {string[]} sentences the result of the run
 * @property {import("./holds.mjs").Holds} without the checkouts of the sale without a lock
 * @property {import("./holds.mjs").Holds} withLock the checkouts of the sale with the lock
 */

/**
 * Writes the page, and replaces a file of that name.
 *
 * @param {string} file
 * @param {Sales} sales
 * @throws {UserError} if it cannot be written
 */
export async function writePage(file, sales) {
  try {
    await fs.mkdir(path.dirname(file), { recursive: true });
    await fs.writeFile(file, pageOf(sales));
  } catch (error) {
    if (!error.syscall) throw error;
    throw new UserError(`the page with the picture cannot be written to ${file} (${error.code})`);
  }
}

/** The page's text. */
function pageOf({ label, buyers, items, processes, rows, sentences, without, withLock }) {
  const { windowMs, stepMs, views } = viewsOf([without, withLock], processes);
  const scale = { windowMs, stepMs };
  const panels = [
    { id: "without", name: "Without a lock", holds: without, view: views[0], ...scale },
    { id: "with", name: "With the lock", holds: withLock, view: views[1], ...scale },
  ];
  const set = `${count(buyers, "buyer")} in ${count(processes, "process", "processes")} want one of ${count(items, "item")} at the same moment`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Flash sale: who was at the checkout when</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Who was at the checkout when</h1>
<p>A flash sale on Medusa’s Locking Module with ${escaped(label)}. ${set}. A checkout reads the stock, takes the payment and writes the stock back:
two at the same time sell one item twice.</p>
<p class="verdict">${sentences.map(escaped).join("<br>")}</p>
</header>
<ul class="legend" aria-label="What the marks mean">
<li>${swatch("alone")} a checkout that had the stock to itself</li>
<li>${swatch("overlap")} a checkout during which another one ran</li>
<li>${swatch("turn")} the turn goes to the next</li>
</ul>
${panels.map(figureOf).join("\n")}
<section>
<h2>The run in figures</h2>
${runTable(rows)}
</section>
<section>
<h2>The pictures as text</h2>
<p>By process, in the whole of each sale.</p>
${processTable(panels, processes)}
${panels.map(listOf).join("\n")}
</section>
<footer>A checkout lasts from before it reads the stock until its order is written. With the lock, its process holds the lock all the while. All
processes are timed by one clock. Written by <code>npm start</code>, which replaces this page each time.</footer>
</main>
</body>
</html>
`;
}

function figureOf(panel) {
  const { id, name, holds } = panel;
  const exact = holds.all.length > 0 && holds.overlapping === 0;
  const found = foundIn(holds);
  return `<figure>
<h2>${name}: <span class="${exact ? "good" : "bad"}">${found}</span></h2>
<div class="scroll" role="region" tabindex="0" aria-label="${name}, picture">
${picture(panel, `${found}. ${drawnOf(panel)}`, id)}
</div>
<figcaption>${drawnOf(panel)}</figcaption>
</figure>`;
}

function foundIn({ all, overlapping, mostAtOnce }) {
  if (all.length === 0) return "no checkout ran";
  const checkouts = count(all.length, "checkout");
  if (overlapping === 0) return `${checkouts}, none at the same time as another`;
  return `${checkouts}, ${number(overlapping)} at the same time as another, up to ${number(mostAtOnce)} at once`;
}

/** The sentence about the part of the sale that is drawn. */
function drawnOf({ holds, view, windowMs }) {
  if (holds.all.length === 0) return "Nothing is drawn.";
  const end = holds.spanMs <= windowMs ? `The sale ended after ${ms(holds.spanMs)}` : `The first ${ms(windowMs)} of ${ms(holds.spanMs)}`;
  const begun = `${number(view.begun)} of ${count(holds.all.length, "checkout")} began in the time shown`;
  const left = view.begun - view.drawn.length;
  const room = left > 0 ? `; ${number(view.drawn.length)} of them are drawn, there is no room for the other ${number(left)}` : "";
  return `${end}. ${begun}${room}.`;
}

function picture({ name, holds, view, windowMs, stepMs }, text, id) {
  const rowHeight = Math.max(...view.rows) === 1 ? 20 : 6;
  const x = (atMs) => LEFT + (Math.min(atMs, windowMs) / windowMs) * (WIDTH - LEFT - RIGHT);
  const tops = [];
  let bottom = 0;
  for (const rows of view.rows) {
    tops.push(bottom);
    bottom += Math.max(LEAST_BAND, rows * (rowHeight + ROW_GAP) - ROW_GAP + 2 * BAND_PAD) + BAND_GAP;
  }
  const heightOf = (at) => (tops[at + 1] ?? bottom) - tops[at] - BAND_GAP;
  const bands = view.rows.map((_, at) => {
    const middle = tops[at] + heightOf(at) / 2;
    return `<rect class="band" x="${LEFT}" y="${tops[at]}" width="${WIDTH - LEFT - RIGHT}" height="${heightOf(at)}" rx="4"/>
<text class="name" x="0" y="${round(middle - 3)}">process ${at + 1}</text>
<text class="note" x="0" y="${round(middle + 13)}">${count(view.total[at], "checkout")}</text>`;
  });
  const ticks = [];
  for (let at = 0; at * stepMs <= windowMs * 1.0001; at += 1) {
    const left = round(x(at * stepMs));
    // The last label must stay within the picture.
    const anchor = left > WIDTH - RIGHT - 20 ? "end" : "middle";
    ticks.push(`<path class="grid" d="M${left} 0V${bottom}"/>
<text class="note" x="${anchor === "end" ? WIDTH - RIGHT : left}" y="${bottom + 14}" text-anchor="${anchor}">${tick(at * stepMs)}</text>`);
  }
  const bars = view.drawn.map((hold) => {
    const at = hold.process - 1;
    const block = view.rows[at] * (rowHeight + ROW_GAP) - ROW_GAP;
    const top = tops[at] + (heightOf(at) - block) / 2 + hold.row * (rowHeight + ROW_GAP);
    return { hold, left: x(hold.startMs), right: x(hold.endMs), top, middle: top + rowHeight / 2 };
  });
  return `<svg viewBox="0 0 ${WIDTH} ${bottom + AXIS}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">${name}: the checkouts of each process over time</title>
<desc id="${id}-text">${text}</desc>
${bands.join("\n")}
${ticks.join("\n")}
${turnsOf(bars)}
${bars.map((bar) => barOf(bar, rowHeight)).join("\n")}
${holds.spanMs < windowMs && holds.all.length > 0 ? endMark(x(holds.spanMs), bottom, heightOf(0) / 2, holds.spanMs) : ""}
<text class="note" x="${LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="${bottom + 30}" text-anchor="middle">ms since the first checkout began</text>
</svg>`;
}

function barOf({ hold, left, right, top }, height) {
  const kind = hold.others > 0 ? "overlap" : "alone";
  // A gap to the next checkout, unless it would hide this checkout.
  const width = right - left;
  const box = `x="${round(left)}" y="${round(top)}" width="${round(width > 4 ? width - 0.8 : Math.max(width, 1))}" height="${height}"`;
  return `<rect class="${kind}" ${box}><title>${timesOf(hold)}</title></rect>`;
}

/** Lines from each checkout to the next if no checkouts overlap: they show how the lock passes from holder to holder. */
function turnsOf(bars) {
  const turns = bars.slice(1).flatMap((bar, at) => {
    const last = bars[at];
    if (bar.hold.others > 0 || last.hold.others > 0 || bar.top === last.top) return [];
    return [`M${round(last.right)} ${round(last.middle)}L${round(bar.left)} ${round(bar.middle)}`];
  });
  return turns.length === 0 ? "" : `<path class="turn" d="${turns.join("")}"/>`;
}

function endMark(left, bottom, middle, spanMs) {
  const line = `<path class="end" d="M${round(left)} 0V${bottom}"/>`;
  if (left > WIDTH - RIGHT - 170) return line;
  return `${line}<text class="note" x="${round(left + 8)}" y="${round(middle + 4)}">all over after ${ms(spanMs)}</text>`;
}

function swatch(kind) {
  const shape = kind === "turn" ? '<path class="turn" d="M4 3L24 13"/>' : `<rect class="${kind}" x="1" y="2" width="26" height="12"/>`;
  // The pattern is defined only once, for the whole page.
  const pattern = `<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
<rect class="hatch-ground" width="5" height="5"/><rect class="hatch-line" width="2" height="5"/></pattern></defs>`;
  return `<svg class="swatch" viewBox="0 0 28 16" aria-hidden="true">${kind === "overlap" ? pattern : ""}${shape}</svg>`;
}

function runTable(rows) {
  const lines = rows.map(([name, ...cells]) => `<tr><th scope="row">${escaped(name)}</th>${cells.map(cell).join("")}</tr>`);
  return table(["", "without a lock", "with the lock"], lines, { id: "run", label: "The run in figures" });
}

function processTable(panels, processes) {
  const groups = panels.map(({ name }) => `<th scope="colgroup" colspan="3">${name}</th>`);
  const heads = ["", ...panels.flatMap(() => ["checkouts", "overlapped another", "time in them"])];
  const lines = Array.from({ length: processes }, (_, at) => {
    const cells = panels.flatMap(({ holds }) => {
      const own = holds.all.filter(({ process }) => process === at + 1);
      const inThemMs = own.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
      return [number(own.length), number(own.filter(({ others }) => others > 0).length), ms(inThemMs)];
    });
    return `<tr><th scope="row">process ${at + 1}</th>${cells.map(cell).join("")}</tr>`;
  });
  const over = `<tr><td></td>${groups.join("")}</tr>`;
  return table(heads, lines, { id: "processes", label: "The checkouts by process", over });
}

/** All drawn checkouts, as text. */
function listOf({ name, view }) {
  const lines = view.drawn.map((hold) => `<li>${timesOf(hold)}</li>`);
  return `<details><summary>${name}: the ${count(view.drawn.length, "checkout")} drawn</summary><ol>${lines.join("\n")}</ol></details>`;
}

function timesOf({ process, startMs, endMs, others }) {
  const beside = others > 0 ? `${count(others, "other")} at the same time` : "alone";
  return `process ${process}, ${startMs.toFixed(1)} to ${endMs.toFixed(1)} ms, ${beside}`;
}

function table(heads, lines, { id, label, over = "" }) {
  const head = heads.map((text) => (text ? `<th scope="col">${escaped(text)}</th>` : "<td></td>")).join("");
  return `<div class="scroll" role="region" tabindex="0" aria-label="${label}"><table id="${id}"><thead>${over}<tr>${head}</tr></thead>
<tbody>${lines.join("\n")}</tbody></table></div>`;
}

const cell = (text) => `<td>${escaped(text)}</td>`;
const number = (value) => value.toLocaleString("en-US");
const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
const ms = (value) => `${value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 })} ms`;
const tick = (value) => String(Number(value.toPrecision(6)));
const round = (value) => Math.round(value * 10) / 10;

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => String(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);
