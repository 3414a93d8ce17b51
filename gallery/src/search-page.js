// Results of the search box: assets, and the seconds at which the words are said, seen or read.
import { search, watchProgress } from "./data/search-client.js";
import { split } from "./data/words.js";
import { clock, count, dateTime } from "./format.js";
import { Failure } from "./notice.js";
import { asset as assetHref } from "./route.js";
import { origin, Picture } from "./timeline/card.js";
import { html, useEffect, useState } from "./ui.js";

const FIRST = 30;
const MORE = 60;

export function SearchPage({ query }) {
  const text = query.get("q") ?? "";
  const [progress, setProgress] = useState({ read: 0, of: null });
  const [result, setResult] = useState(null);
  const [error, setError] = useState(null);
  const [limit, setLimit] = useState(FIRST);
  useEffect(() => setLimit(FIRST), [text]);
  useEffect(() => watchProgress(setProgress), []);
  useEffect(() => {
    let isCurrent = true;
    search(text, limit).then(
      (answer) => isCurrent && setResult({ ...answer, text, read: progress.read }),
      (problem) => isCurrent && setError(problem),
    );
    return () => (isCurrent = false);
  }, [text, progress.read, limit]);

  if (error || progress.error) return html`<main id="main"><${Failure} error=${error ?? progress.error} /></main>`;
  // What is shown may still be the answer to an earlier question.
  const isAnswered = result?.text === text && result.read === progress.read;
  const isReading = progress.of === null || progress.read < progress.of || !isAnswered;
  const status = !text.trim()
    ? "Type words, a device, a file name or a date such as 2026-11-03."
    : result?.text === text ? `${count(result.total, "recording")}${isReading ? " so far" : ""}` : "Searching …";
  return html`<main class="results" id="main">
    <h1 class="visually-hidden">Search</h1>
    <p class="soft" role="status">${status}${progress.of && progress.read < progress.of ? ` · reading the index, ${progress.read.toLocaleString("en-US")} of ${progress.of.toLocaleString("en-US")}` : ""}</p>
    <ol class="hits">
      ${(text.trim() && result ? result.hits : []).map((hit) => html`<${Hit} key=${hit.entry.asset} hit=${hit} words=${split(text)} />`)}
    </ol>
    ${text.trim() && result?.total > result?.hits.length && html`<p class="more"><button class="button" onClick=${() => setLimit(limit + MORE)}>Show more</button></p>`}
    ${text.trim() && result?.total === 0 && !isReading && html`<div class="empty"><p><strong>Nothing matches.</strong></p>
      <p class="soft">All words must occur in one recording: leave some out, or search for a part of a word.</p></div>`}
  </main>`;
}

function Hit({ hit: { entry, moments }, words }) {
  const href = (t) => assetHref(entry.asset, { t, when: entry.when });
  return html`<li class="hit">
    <a class="hit-picture" href=${href(moments[0]?.s)} ><span class="visually-hidden">${dateTime(entry.captured_at)}</span><${Picture} entry=${entry} /></a>
    <div class="hit-text">
      <div><strong>${dateTime(entry.captured_at)}</strong></div>
      <div class="soft small">${[origin(entry), entry.name].filter(Boolean).join(" · ")}</div>
      <ul class="moments">
        ${moments.map((moment) => html`<li key=${moment.s + moment.text}><a class="moment" href=${href(moment.s)}>
          <span class="moment-time">${clock(moment.s)}</span>
          <span class="moment-kind">${moment.kind}</span>
          <span class="moment-text" dir="auto"><${Marked} text=${moment.text} words=${words} /></span></a></li>`)}
      </ul>
    </div>
  </li>`;
}

/** A text with the words of the query marked, shortened around the first of them. */
function Marked({ text, words }) {
  const parts = shorten(text, words).split(/(\p{L}[\p{L}\p{M}\p{N}]*|\p{N}+)/u);
  const isMatch = (part) => words.some((word) => split(part)[0]?.startsWith(word));
  return parts.map((part) => (isMatch(part) ? html`<mark>${part}</mark>` : part));
}

const LONGEST = 160;

function shorten(text, words) {
  if (text.length <= LONGEST) return text;
  const at = Math.max(0, ...words.map((word) => text.toLowerCase().indexOf(word)));
  const from = Math.max(0, Math.min(at - 50, text.length - LONGEST));
  return `${from ? "…" : ""}${text.slice(from, from + LONGEST)}…`;
}
