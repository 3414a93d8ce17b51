// The timeline: every asset by day, newest first. Shards of the index are loaded as the reader scrolls; only rows in view exist.
import { count, day, dayKey, month as monthName } from "../format.js";
import { replaceQuery } from "../route.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../ui.js";
import { Failure } from "../notice.js";
import { Card } from "./card.js";
import { kept, useEntries } from "./entries.js";
import { choices, Filters, matches, read } from "./filters.js";
import { grid, rows, visible } from "./layout.js";
import { useView, useWidth } from "./view.js";

const AHEAD = 700; // pixels beyond the view that exist, and from the end at which the next shard is loaded

export function Timeline({ query }) {
  const list = useRef(null);
  const [chosen, setChosen] = useState(() => read(query));
  const [from, setFrom] = useState(query.get("month"));
  const [state, more] = useEntries(from);
  const width = useWidth(list);
  const view = useView(list);

  const shape = useMemo(() => grid(width), [width]);
  const shown = useMemo(() => state.entries.filter((entry) => matches(entry, chosen)), [state.entries, chosen]);
  const values = useMemo(() => choices(state.entries), [state.entries]);
  const placed = useMemo(() => (width ? rows(shown, (entry) => dayKey(entry.captured_at), shape) : { rows: [], height: 0 }), [shown, shape]);
  const [first, end] = visible(placed.rows, view[0] - AHEAD, view[1] + AHEAD);
  const { isComplete } = state;

  useEffect(() => {
    if (!state.isLoading && !state.error && !isComplete && placed.height < view[1] + AHEAD) more();
  });
  useLayoutEffect(() => {
    if (kept.scroll && placed.height) scrollTo(0, kept.scroll);
  }, [placed.height > 0]);

  const change = (filters, month = from) => {
    const next = Object.fromEntries(Object.entries(filters).filter(([, value]) => value));
    setChosen(next);
    setFrom(month || null);
    replaceQuery({ ...next, month: month || undefined });
  };
  const total = state.months.reduce((sum, shard) => sum + shard.assets, 0);

  if (state.error && !state.entries.length) return html`<main class="timeline" id="main" ref=${list}><${Failure} error=${state.error} /></main>`;
  return html`<main class="timeline" id="main">
    <h1 class="visually-hidden">Timeline</h1>
    <${Filters} values=${values} chosen=${chosen} onChange=${(filters) => change(filters)}>
      ${state.months.length > 1 && html`<label class="choice"><span class="choice-name">Up to</span>
        <select value=${from ?? ""} onChange=${(event) => change(chosen, event.target.value)}>
          <option value="">Up to today</option>
          ${state.months.map(({ month: name }) => html`<option value=${name} key=${name}>${monthName(name)}</option>`)}
        </select></label>`}
      <span class="soft small total" role="status">${state.isLoading ? "" : count(total, "recording")}</span>
    <//>
    ${state.error && html`<${Failure} error=${state.error} />`}
    <div class="rows" ref=${list} style=${{ height: `${placed.height}px` }}>
      ${placed.rows.slice(first, end).map((row) => html`<${Row} key=${row.top} row=${row} shape=${shape} />`)}
    </div>
    ${state.isLoading && html`<${Skeleton} shape=${shape} />`}
    ${!state.isLoading && !state.error && isComplete && !shown.length && html`<${Nothing} isFiltered=${Object.keys(chosen).length > 0} />`}
    ${!isComplete && !state.isLoading && !state.error && html`<p class="soft more" role="status">Loading older recordings …</p>`}
  </main>`;
}

function Row({ row, shape }) {
  const style = { top: `${row.top}px`, height: `${row.height}px` };
  if (!row.entries) {
    return html`<h2 class="day" style=${style}>${day(row.at)} <span class="soft small">${count(row.number, "recording")}</span></h2>`;
  }
  return html`<ul class="cards" style=${{ ...style, gridTemplateColumns: `repeat(${shape.columns}, 1fr)`, gap: `${shape.gap}px` }}>
    ${row.entries.map((entry) => html`<li key=${entry.asset}><${Card} entry=${entry} /></li>`)}
  </ul>`;
}

function Skeleton({ shape }) {
  return html`<div class="skeleton" aria-hidden="true" style=${{ gridTemplateColumns: `repeat(${shape.columns}, 1fr)`, gap: `${shape.gap}px` }}>
    ${Array.from({ length: shape.columns * 2 }, (_, number) => html`<div key=${number} class="skeleton-card"></div>`)}
  </div>`;
}

function Nothing({ isFiltered }) {
  return html`<div class="empty">
    <p><strong>${isFiltered ? "No recording matches these filters." : "There is no footage yet."}</strong></p>
    ${!isFiltered && html`<p class="soft">Upload some with <code>impp-edge sync</code>; it appears here minutes later.</p>`}
  </div>`;
}
