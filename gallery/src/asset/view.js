// One camera of a moment: its media element, its sources in turn until one plays, its captions.
import { sourcesOf } from "../data/manifest.js";
import { html, Icon, useEffect, useMemo, useRef, useState } from "../ui.js";
import { attach } from "./source.js";

/** `register` gets the element; `quality` names the source to use, if the asset has it. */
export function View({ view: { manifest, name }, isMain, isOnly, quality, start, hasCaptions, register, onSelect, onEvent }) {
  const element = useRef(null);
  const [failed, setFailed] = useState(0);
  const sources = useMemo(() => {
    const all = sourcesOf(manifest);
    return [...all.filter((source) => source.name === quality), ...all.filter((source) => source.name !== quality)];
  }, [manifest, quality]);
  const source = sources[failed];

  useEffect(() => {
    if (!source) return undefined;
    const video = element.current;
    register(video);
    const detach = attach(video, source);
    if (start()) video.addEventListener("loadedmetadata", () => (video.currentTime = Math.max(0, start())), { once: true });
    return () => {
      register(null);
      detach();
    };
  }, [source?.url]);
  useEffect(() => {
    const track = element.current?.textTracks[0];
    if (track) track.mode = hasCaptions && isMain ? "showing" : "hidden";
  }, [hasCaptions, isMain, source?.url]);

  const { facts, poster, captions } = manifest;
  if (!source) {
    return html`<div class=${isMain ? "view main still" : "view still"}>
      ${poster ? html`<img src=${`/${poster}`} alt=${`Picture of ${name || facts.device}`} />` : html`<p>Nothing to show yet: there is no rendition of this ${facts.kind}.</p>`}
    </div>`;
  }
  const isSound = facts.kind === "audio";
  return html`<div class=${["view", isMain && "main", isSound && "sound"].filter(Boolean).join(" ")}>
    ${isSound && html`<${Icon} name="volume" />`}
    <video ref=${element} poster=${poster ? `/${poster}` : undefined} preload="metadata" playsinline muted=${!isMain}
      aria-label=${name ? `${name} camera` : facts.kind} tabindex="-1"
      onClick=${() => (isMain ? onEvent("toggle") : onSelect())}
      onError=${() => setFailed(failed + 1)}
      onTimeUpdate=${() => isMain && onEvent("time")} onSeeked=${() => isMain && onEvent("time")} onPlay=${() => isMain && onEvent("play")}
      onPause=${() => isMain && onEvent("pause")} onVolumeChange=${() => isMain && onEvent("volume")} onLoadedMetadata=${() => onEvent("loaded")}>
      ${captions && html`<track kind="captions" src=${`/${captions.key}`} srclang=${captions.language ?? "und"} label="Captions" />`}
    </video>
    ${!isOnly && (isMain
      ? html`<span class="badge view-name">${name}</span>`
      : html`<button class="view-select" onClick=${onSelect} aria-label=${`Show the ${name} camera large`}><span class="badge view-name">${name}</span></button>`)}
  </div>`;
}
