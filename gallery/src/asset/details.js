// What is known about an asset besides its picture: storage, bill, states and custody.
import { capital, clock, dateTime, size, usd } from "../format.js";
import { html } from "../ui.js";

// By the tag of an original that moves it to the class, where the tag does not say it.
const CLASSES = {
  intelligent: "S3 Intelligent-Tiering",
  "glacier-ir": "Glacier Instant Retrieval", "glacier-fr": "Glacier Flexible Retrieval", "deep-archive": "Glacier Deep Archive",
};

/** `S3 Standard-IA` for `standard-ia`. */
const className = (tag) => CLASSES[tag] ?? `S3 ${tag.split("-").map((word) => (word.length < 3 ? word.toUpperCase() : capital(word))).join("-")}`;

const Row = ({ name, children }) => html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;

const YEARS = ["1", "3", "10"];

/** What keeping the original costs beside its alternatives. */
function Outlook({ archive: { tag, outlook_usd: outlook } }) {
  if (!outlook) return null;
  // A region of its own, so that the keyboard can move what does not fit on a phone.
  return html`<div class="scroll" tabindex="0" role="region" aria-label="What keeping the original costs"><table class="outlook">
    <thead><tr><th scope="col">To keep it for</th>${YEARS.map((years) => html`<th scope="col" class="num" key=${years}>${years} ${years === "1" ? "year" : "years"}</th>`)}</tr></thead>
    <tbody>${Object.entries(outlook).map(([name, costs]) => html`<tr key=${name} class=${name === tag ? "chosen" : undefined}>
      <th scope="row">${className(name)}</th>${YEARS.map((years) => html`<td class="num" key=${years}>${usd(costs[years])}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

export function Details({ manifest, heldSince, children }) {
  const { analysis, facts, original, archive, cost, branches } = manifest;
  return html`<div class="details">
    <section class="panel"><h2>Recording</h2><dl class="facts">
      <${Row} name="Recorded">${dateTime(facts.captured_at)} <span class="soft small">by ${facts.captured_at_from}</span><//>
      <${Row} name="Device">${[facts.source, facts.device, facts.camera].filter(Boolean).join(" · ")}<//>
      <${Row} name="Kind">${capital(facts.recording)}${manifest.profile ? html` <span class="soft small">profile ${manifest.profile.name}: ${manifest.profile.why}</span>` : ""}<//>
      <${Row} name="Media">${[
        facts.duration_s ? clock(facts.duration_s) : "", facts.width ? `${facts.width}×${facts.height}` : "", facts.fps ? `${Math.round(facts.fps * 100) / 100} fps` : "",
        facts.video_codec, facts.audio_codec, size(original.bytes),
      ].filter(Boolean).join(" · ")}<//>
      ${analysis.text.length > 0 && html`<${Row} name="Read">${analysis.text.map((text) => html`<bdi class="chip" key=${text}>${text}</bdi>`)}<//>`}
      ${analysis.faces > 0 && html`<${Row} name="Faces">${analysis.faces} in one frame<//>`}
    </dl></section>
    <section class="panel"><h2>States</h2>
      <p><span class=${`state ${manifest.state}`}>${capital(manifest.state)}</span> ${manifest.reason && html`<bdi>${manifest.reason}</bdi>`}</p>
      <ul class="branches">${Object.entries(branches).map(([name, branch]) => html`<li key=${name}><span class=${`dot ${branch.status}`} aria-hidden="true"></span>${capital(name)}
        <span class="soft small">${branch.status}${branch.reason ? html`: <bdi>${branch.reason}</bdi>` : ""}</span></li>`)}</ul>
    </section>
    <section class="panel"><h2>Storage</h2>
      ${archive ? html`<p><strong>${className(archive.tag)}</strong></p><p class="reason">${capital(archive.why)}.</p><${Outlook} archive=${archive} />` : html`<p>The original stays in S3 Standard: no storage class was chosen.</p>`}
      ${heldSince && html`<p><span class="tag">On hold</span> since ${dateTime(heldSince)}: nobody can delete the original until it is released (<code>impp release ${manifest.asset.slice(0, 8)}</code>).</p>`}
      ${children}
    </section>
    <section class="panel"><h2>Custody</h2><dl class="facts">
      <${Row} name="File"><bdi>${original.key.split("/").pop()}</bdi><//>
      <${Row} name="Arrived">${dateTime(manifest.created_at)}<//>
      <${Row} name="Processed">${dateTime(manifest.finished_at)}<//>
      <${Row} name="SHA-256">${original.sha256 ? html`<code class="hash">${original.sha256}</code>` : "not supplied by the uploader"}<//>
      <${Row} name="CRC-64/NVME">${original.crc64nvme ? html`<code>${original.crc64nvme}</code> <span class="soft small">verified by S3 on arrival and by the pipeline</span>` : "none"}<//>
      <${Row} name="Key"><code class="hash"><bdi>${original.key}</bdi></code><//>
    </dl></section>
    <section class="panel bill"><h2>Bill <span class="soft small">${usd(cost.usd)}, quoted ${usd(cost.quote_usd)}</span></h2>
      <table><thead><tr><th scope="col">Service</th><th scope="col">Item</th><th scope="col" class="num">Quantity</th><th scope="col" class="num">USD</th></tr></thead>
      <tbody>${[...cost.ledger].sort((a, b) => b.usd - a.usd).map((line, number) => html`<tr key=${number}><td>${line.service}</td><td>${line.item.replaceAll("_", " ")}${line.doubt && html` <span class="soft small" title=${line.doubt}>(price in doubt)</span>`}</td>
        <td class="num">${Number(line.quantity.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 3 })} ${line.unit}</td><td class="num">${usd(line.usd)}</td></tr>`)}</tbody></table>
    </section>
  </div>`;
}
