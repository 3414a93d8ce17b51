// An asset's manifest, and what the player and the lane take from it.
import { getJson, getText } from "./http.js";
import { captions as parseCaptions } from "./vtt.js";

const manifests = new Map();

/** The manifest of an asset; a new one if an action may have changed it. Throws `Denied` if there is none or it may not be read. */
export function manifestOf(id, isNew = false) {
  if (isNew || !manifests.has(id)) {
    const manifest = getJson(`/assets/${id}/manifest.json`, isNew);
    manifest.catch(() => manifests.delete(id));
    manifests.set(id, manifest);
  }
  return manifests.get(id);
}

const ORDER = ["web", "mobile", "youtube", "proxy", "audio"];

/** What can be played, best first: `{name, url, isHls, label}`. */
export function sourcesOf(manifest) {
  const files = manifest.renditions
    .filter((rendition) => ORDER.includes(rendition.name))
    .sort((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))
    .map((rendition) => ({
      name: rendition.name,
      url: `/${rendition.key}`,
      isHls: false,
      label: rendition.height ? `${rendition.name} ${Math.min(rendition.width, rendition.height)}p` : rendition.name,
    }));
  return manifest.hls ? [...files, { name: "hls", url: `/${manifest.hls}`, isHls: true, label: "adaptive (HLS)" }] : files;
}

const isFurtherTrack = (rendition) => rendition.name.startsWith("proxy-");

/** Further tracks of moving pictures, such as a dual camera's rear view, as views beside the first one. */
export function furtherTracksOf(manifest) {
  return manifest.renditions.filter(isFurtherTrack).map((rendition) => ({
    manifest: {
      ...manifest, asset: `${manifest.asset}/${rendition.name}`, renditions: [{ ...rendition, name: "proxy" }],
      hls: null, poster: null, captions: null,
    },
    offset: 0,
    name: `track ${rendition.name.slice("proxy-".length)}`,
  }));
}

/** Files to download: `{name, url, bytes}`. */
export function downloadsOf(manifest) {
  const files = manifest.renditions
    .filter((rendition) => ORDER.includes(rendition.name) || isFurtherTrack(rendition))
    .map((rendition) => ({ name: rendition.name, url: `/${rendition.key}`, bytes: rendition.bytes }));
  if (manifest.captions) files.push({ name: "captions (WebVTT)", url: `/${manifest.captions.key}` });
  if (manifest.captions?.srt) files.push({ name: "captions (SubRip)", url: `/${manifest.captions.srt}` });
  if (!files.length && manifest.poster) files.push({ name: "picture", url: `/${manifest.poster}` });
  return files;
}

/** Cues of the captions, or none. */
export async function captionsOf(manifest) {
  return manifest.captions ? parseCaptions(await getText(`/${manifest.captions.key}`)) : [];
}

const PROXY_FPS = 15; // src/impp_lambdas/core/media/proxy.py
const FAST = 60;

/** Seconds per frame of a rendition. */
export function frameSeconds(manifest, name) {
  const fps = manifest.facts.fps ?? 25;
  return 1 / Math.min(fps, name === "proxy" ? PROXY_FPS : FAST);
}

/** Rows of the lane, `{name, kind, spans: [{start, end, text}]}`: what is seen longest first, then text and speech. */
export function laneOf({ analysis, words = {} }, cues) {
  const spans = new Map();
  const add = (kind, name, start, end = start, text = name) => {
    if (!Number.isFinite(start)) return;
    const row = spans.get(kind + name) ?? { name, kind, spans: [] };
    row.spans.push({ start, end: Math.max(start, end), text });
    spans.set(kind + name, row);
  };
  if (words.labels) words.labels.forEach(([name, first, last]) => add("label", name, first, last));
  else analysis.labels.forEach((label) => add("label", label.name, label.first_s, label.last_s));
  analysis.moderation.forEach((label) => add("warning", label.name, label.first_s, label.last_s));
  words.text?.forEach(([text, second]) => add("text", "Text", second, second, text));
  cues.forEach(({ start, end, text }) => add("speech", "Speech", start, end, text));
  const rank = (row) => ["warning", "label", "text", "speech"].indexOf(row.kind);
  const names = analysis.labels.map((label) => label.name); // in the order of how long they are seen
  const place = (row) => (names.includes(row.name) ? names.indexOf(row.name) : names.length);
  return [...spans.values()].sort((a, b) => rank(a) - rank(b) || place(a) - place(b));
}
