// One asset as a card: its picture, when and where it was recorded, and what is in it.
import { capital, clock, dayKey, time } from "../format.js";
import { asset as assetHref } from "../route.js";
import { html, Icon, useState } from "../ui.js";
import { Scrub } from "./scrub.js";

const RECORDINGS = { event: "Event", parking: "Parking", manual: "Manual" };
const KINDS = new Set(["video", "audio", "image"]); // what was never inspected is of none

/** Who recorded it: device and camera. */
export const origin = (entry) => [entry.device, entry.camera].filter(Boolean).join(" · ");

/** The picture of an asset, or what stands for it. */
export function Picture({ entry, scrubs = true }) {
  const [isBroken, setBroken] = useState(false);
  const picture = entry.thumbnail ?? entry.poster; // what was published earlier has no thumbnail
  return html`<div class="picture">
    ${picture && !isBroken
      ? html`<img src=${`/${picture}`} alt="" loading="lazy" decoding="async" onError=${() => setBroken(true)} />`
      : html`<div class=${`picture-none ${entry.state}`}><${Icon} name=${entry.kind === "audio" ? "volume" : "film"} /></div>`}
    ${scrubs && entry.storyboard && entry.duration_s > 0 && html`<${Scrub} storyboard=${entry.storyboard} duration=${entry.duration_s} />`}
    ${entry.duration_s > 0 && html`<span class="badge duration">${clock(entry.duration_s)}</span>`}
    ${RECORDINGS[entry.recording] && html`<span class=${`badge recording ${entry.recording}`}>${RECORDINGS[entry.recording]}</span>`}
  </div>`;
}

export function Card({ entry }) {
  const labels = (entry.labels ?? []).slice(0, 3).join(", ");
  return html`<a class="card" href=${assetHref(entry.asset, { when: entry.when })} draggable=${false}>
    <span class="visually-hidden">${capital(KINDS.has(entry.kind) ? entry.kind : "recording")} of ${dayKey(entry.captured_at)}</span>
    <${Picture} entry=${entry} />
    <div class="card-text">
      <div class="card-line"><strong>${time(entry.captured_at)}</strong>
        ${entry.state !== "published" && html`<span class=${`state ${entry.state}`}>${capital(entry.state)}</span>`}
        ${entry.held_since && html`<span class="tag">On hold</span>`}
        ${entry.people && html`<span class="tag">People</span>`}</div>
      <div class="card-line soft">${origin(entry)}</div>
      <div class="card-line soft small">${labels || entry.name || ""}</div>
    </div>
  </a>`;
}
