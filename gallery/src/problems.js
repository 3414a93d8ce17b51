// What did not end as published: why, and what to do.
import { shardList, shardsOf } from "./data/shards.js";
import { capital, count, dateTime } from "./format.js";
import { Failure } from "./notice.js";
import { asset as assetHref } from "./route.js";
import { origin, Picture } from "./timeline/card.js";
import { html, useEffect, useState } from "./ui.js";

// In the order of how much they need somebody; docs/guide/operate.md says more.
const STATES = {
  failed: "A step kept failing. Fix the cause, then run the asset again.",
  quarantined: "The file is damaged or contradicts what was said about it. The original is kept; check it, then replace or erase it.",
  deferred: "A spending limit was reached: the original is archived, nothing else was made. Raise the limit or wait, then run it again.",
  partial: "Something useful exists, but a part could not be made.",
  gone: "The file was deleted before it was read.",
};
const RERUN = new Set(["failed", "deferred", "partial"]);

async function load(setEntries) {
  const entries = [];
  for await (const shard of shardsOf(await shardList(), (row) => row.problems)) {
    entries.push(...shard.entries.filter((entry) => entry.state in STATES));
    setEntries([...entries]);
  }
  setEntries(entries);
}

export function ProblemsPage() {
  const [entries, setEntries] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => void load(setEntries).catch(setError), []);
  if (error) return html`<main id="main"><${Failure} error=${error} /></main>`;
  return html`<main class="text-page" id="main">
    <h1>Problems</h1>
    ${entries === null && html`<p class="soft" role="status">Loading …</p>`}
    ${entries?.length === 0 && html`<div class="empty"><p><strong>No problems.</strong></p><p class="soft">Everything ended as published.</p></div>`}
    ${Object.entries(STATES).map(([state, advice]) => html`<${Group} key=${state} state=${state} advice=${advice} entries=${(entries ?? []).filter((entry) => entry.state === state)} />`)}
  </main>`;
}

const FIRST = 50;

function Group({ state, advice, entries }) {
  const [isOpen, setOpen] = useState(false);
  if (!entries.length) return null;
  return html`<section class="panel" aria-labelledby=${`state-${state}`}>
    <h2 id=${`state-${state}`}><span class=${`state ${state}`}>${capital(state)}</span> <span class="soft small">${count(entries.length, "asset")}</span></h2>
    <p>${advice}${RERUN.has(state) && html` <code>impp replay --state ${state}</code>`}</p>
    <ul class="problem-list">
      ${entries.slice(0, isOpen ? entries.length : FIRST).map((entry) => html`<li key=${entry.asset}>
        <a class="problem" href=${assetHref(entry.asset, { when: entry.when })}>
          <span class="problem-picture" aria-hidden="true"><${Picture} entry=${entry} scrubs=${false} /></span>
          <span class="problem-text"><strong dir="auto">${entry.name ?? entry.asset}</strong>
            <span class="soft small">${dateTime(entry.captured_at)} · ${origin(entry)}</span>
            <span dir="auto">${entry.reason ?? "No reason was recorded."}</span>
            ${entry.todo && html`<span class="soft">${entry.todo}</span>`}</span></a></li>`)}
    </ul>
    ${entries.length > FIRST && !isOpen && html`<button class="button" onClick=${() => setOpen(true)}>Show all ${entries.length}</button>`}
  </section>`;
}
