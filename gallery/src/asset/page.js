// The page of an asset: player, the cameras of the same moment, what to do with it, what is known about it.
import { downloadsOf, furtherTracksOf, manifestOf } from "../data/manifest.js";
import { camerasOf, entryOf, isPlayable } from "../data/shards.js";
import { capital, clock, dateTime, size } from "../format.js";
import { Failure } from "../notice.js";
import * as links from "../route.js";
import { html, Icon, useEffect, useRef, useState } from "../ui.js";
import { Actions, offers, replays } from "./actions.js";
import { Details } from "./details.js";
import { Viewer } from "./viewer.js";

/** The asset's manifest and those of the cameras beside it; of what was not published, its entry in the index. */
async function load(id, when, set) {
  const [manifest, entry] = await Promise.all([manifestOf(id).catch(() => null), when ? entryOf(id, when) : null]);
  if (!manifest) {
    set({ entry: entry ?? (await entryOf(id, when)) });
    return;
  }
  const own = [{ manifest, offset: 0, name: manifest.facts.camera ?? "" }, ...furtherTracksOf(manifest)];
  set({ views: own, entry });
  const known = entry ?? (await entryOf(id, manifest.facts.captured_at.slice(0, 16)));
  if (!known) return;
  set({ views: own, entry: known });
  if (manifest.facts.kind !== "video" || !manifest.facts.camera) return;
  const others = (await camerasOf(known)).slice(1);
  const views = await Promise.all(others.map(async (other) => ({ manifest: await manifestOf(other.asset), offset: other.offset, name: other.camera })));
  if (views.length) set({ views: [...own, ...views], entry: known });
}

export function AssetPage({ ids: [id], query }) {
  const [state, setState] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => void load(id, query.get("when"), setState).catch(setError), [id]);
  if (error) return html`<main id="main"><${Failure} error=${error} /></main>`;
  if (!state) return html`<main class="asset" id="main"><p class="soft" role="status">Loading …</p></main>`;
  if (state.views) return html`<${Recording} views=${state.views} heldSince=${state.entry?.held_since} query=${query} />`;
  return html`<${Unfinished} id=${id} entry=${state.entry} />`;
}

function Recording({ views, heldSince, query }) {
  const { manifest } = views[0];
  const { facts } = manifest;
  const second = useRef(0);
  const hasSecond = query.has("t");
  return html`<main class="asset" id="main">
    <div class="asset-head">
      <a class="icon-button" href=${links.timeline()} aria-label="Back to the timeline"><${Icon} name="back" /></a>
      <h1>${dateTime(facts.captured_at)} <span class="soft">${[facts.device, facts.camera].filter(Boolean).join(" · ")}</span></h1>
    </div>
    <div class="asset-body">
      <${Viewer} views=${views} start=${Number(query.get("t")) || 0} plays=${hasSecond} onTime=${(time) => (second.current = time)} />
      <div class="toolbar">
        <${CopyLink} id=${manifest.asset} second=${facts.kind === "image" ? null : second} />
        <${Downloads} manifest=${manifest} />
      </div>
      <${Details} manifest=${manifest} heldSince=${heldSince}><${Actions} asset=${manifest.asset} offered=${offers(manifest)} /><//>
    </div>
  </main>`;
}

/** `second` refers to the second that is shown; null for what has none. */
function CopyLink({ id, second }) {
  const [copied, setCopied] = useState(null);
  const copy = async () => {
    const url = new URL(location.href);
    url.hash = links.asset(id, { t: second?.current });
    try {
      await navigator.clipboard.writeText(url.href);
      setCopied({ text: second ? `Copied, at ${clock(second.current)}` : "Copied" });
    } catch {
      setCopied({ url: url.href }); // no permission, or a page without TLS
    }
  };
  return html`<button class="button" onClick=${copy}><${Icon} name="link" /> Copy link${second ? " to this second" : ""}</button>
    <span role="status" class="small soft">${copied?.text ?? ""}</span>
    ${copied?.url && html`<input class="copy" readonly value=${copied.url} aria-label="Link" onFocus=${(event) => event.target.select()} />`}`;
}

function Downloads({ manifest }) {
  const files = downloadsOf(manifest);
  return html`<details class="menu"><summary class="button"><${Icon} name="download" /> Download</summary>
    <ul class="menu-list">
      ${files.map((file) => html`<li key=${file.url}><a href=${file.url} download>${capital(file.name)}${file.bytes ? html` <span class="soft small">${size(file.bytes)}</span>` : ""}</a></li>`)}
      <li class="soft small">Original, ${size(manifest.original.bytes)}: <code>impp get ${manifest.asset.slice(0, 8)}</code></li>
    </ul></details>`;
}

/** What was not published, or is not there. */
function Unfinished({ id, entry }) {
  if (!entry) {
    return html`<main class="text-page" id="main"><div class="empty"><p><strong>There is no such recording.</strong></p>
      <p class="soft"><code>${id}</code> is not in the index. It may have been erased.</p></div></main>`;
  }
  return html`<main class="text-page" id="main">
    <h1><bdi>${entry.name ?? entry.asset}</bdi></h1>
    <section class="panel">
      <p><span class=${`state ${entry.state}`}>${capital(entry.state)}</span> <bdi>${entry.reason ?? (isPlayable(entry) ? "Its manifest cannot be read." : "")}</bdi></p>
      <dl class="facts">
        <div class="fact"><dt>Recorded</dt><dd>${dateTime(entry.captured_at)}</dd></div>
        <div class="fact"><dt>Device</dt><dd>${[entry.source, entry.device, entry.camera].filter(Boolean).join(" · ")}</dd></div>
        ${entry.bytes && html`<div class="fact"><dt>Size</dt><dd>${size(entry.bytes)}</dd></div>`}
        ${entry.class && html`<div class="fact"><dt>Storage</dt><dd>${entry.class} <span class="soft small">${entry.why}</span></dd></div>`}
        <div class="fact"><dt>Key</dt><dd><code class="hash"><bdi>${entry.key}</bdi></code></dd></div>
      </dl>
      ${entry.todo && html`<p>${entry.todo}</p>`}
      <${Actions} asset=${id} offered=${replays(entry.state)} />
      <p><a href=${links.problems}>All problems</a></p>
    </section>
  </main>`;
}
