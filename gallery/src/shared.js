// A link to some assets only. It may read their folders, never the index, and leads nowhere else.
import { downloadsOf, manifestOf } from "./data/manifest.js";
import { dateTime, size } from "./format.js";
import { NoAccess } from "./notice.js";
import { Viewer } from "./asset/viewer.js";
import { html, Icon, useEffect, useState } from "./ui.js";

/** Seconds from "12-40", "12s-40s" or "12-"; null without a part. */
function partOf(query) {
  const match = (query.get("part") ?? "").match(/^([\d.]+)s?-(?:([\d.]+)s?)?$/);
  return match && { start: Number(match[1]), end: match[2] ? Number(match[2]) : Infinity };
}

export function SharedPage({ ids, query }) {
  return html`<header class="header"><span class="brand"><span class="mark"><${Icon} name="play" /></span><span class="brand-name">IMPP</span></span>
      <span class="soft">Shared with you</span></header>
    <main class="asset shared" id="main">
      <h1 class="visually-hidden">Shared recordings</h1>
      ${ids.map((id) => html`<${Shared} key=${id} id=${id} part=${partOf(query)} mayDownload=${query.get("download") === "1"} isAlone=${ids.length === 1} />`)}
    </main>`;
}

function Shared({ id, part, mayDownload, isAlone }) {
  const [manifest, setManifest] = useState(null);
  const [isDenied, setDenied] = useState(false);
  useEffect(() => void manifestOf(id).then(setManifest, () => setDenied(true)), [id]);
  if (isDenied) return html`<${NoAccess} />`;
  if (!manifest) return html`<p class="soft" role="status">Loading …</p>`;
  return html`<article>
    <${Viewer} views=${[{ manifest, offset: 0, name: "" }]} start=${part?.start ?? 0} part=${part} hasKeys=${isAlone} />
    <h2>${dateTime(manifest.facts.captured_at)}</h2>
    ${mayDownload && html`<ul class="downloads">${downloadsOf(manifest).map((file) => html`<li key=${file.url}><a class="button" href=${file.url} download>
      <${Icon} name="download" /> ${file.name}${file.bytes ? `, ${size(file.bytes)}` : ""}</a></li>`)}</ul>`}
  </article>`;
}
