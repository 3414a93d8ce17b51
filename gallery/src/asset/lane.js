// What was seen and said along the recording: a row for each, whose marks lead to their seconds.
import { clock } from "../format.js";
import { html, useState } from "../ui.js";

const FIRST = 6;

export function Lane({ rows, range, onSeek }) {
  const [isOpen, setOpen] = useState(false);
  if (!rows.length) return null;
  const isWords = (row) => row.kind === "speech" || row.kind === "text";
  const seen = rows.filter((row) => !isWords(row));
  const shown = [...(isOpen ? seen : seen.slice(0, FIRST)), ...rows.filter(isWords)];
  return html`<section class="lane" aria-label="What was seen and said">
    <div class="lane-rows">
      ${shown.map((row) => html`<${Row} key=${row.kind + row.name} row=${row} range=${range} onSeek=${onSeek} />`)}
      <div class="lane-head" aria-hidden="true"></div>
    </div>
    ${seen.length > FIRST && html`<button class="button quiet small" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      ${isOpen ? "Fewer" : `${seen.length - FIRST} more`}</button>`}
  </section>`;
}

function Row({ row, range, onSeek }) {
  const length = range.end - range.start || 1;
  const place = (span) => {
    const left = Math.max(0, (span.start - range.start) / length);
    const right = Math.min(1, (span.end - range.start) / length);
    return { left: `${left * 100}%`, width: `max(10px, ${Math.max(0, right - left) * 100}%)` };
  };
  const spans = row.spans.filter((span) => span.start < range.end && span.end >= range.start);
  const name = (span) => `${span.text}, at ${clock(span.start)}`;
  if (!spans.length) return null;
  return html`<div class=${`lane-row ${row.kind}`}>
    <span class="lane-name" dir="auto">${row.name}</span>
    <div class="lane-track">
      ${spans.map((span) => html`<button key=${span.start} class="lane-span" style=${place(span)} title=${name(span)} aria-label=${name(span)}
        onClick=${() => onSeek(span.start)}></button>`)}
    </div>
  </div>`;
}
