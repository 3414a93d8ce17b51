// What is said, sentence by sentence; a click plays it.
import { clock } from "../format.js";
import { html, useEffect, useRef } from "../ui.js";

export function Transcript({ cues, language, time, onSeek }) {
  const list = useRef(null);
  const current = cues.findLastIndex((cue) => cue.start <= time + 0.05);
  const isNow = current >= 0 && time <= cues[current].end + 0.5;
  useEffect(() => {
    const item = list.current?.children[current];
    // Scrolls the list, never the page.
    if (item) list.current.scrollTop = item.offsetTop - list.current.clientHeight / 2;
  }, [current]);
  if (!cues.length) return null;
  return html`<section class="panel transcript">
    <h2>Said ${language && html`<span class="soft small">${language}</span>`}</h2>
    <ol class="cues" ref=${list} tabindex="0" aria-label="Transcript" lang=${language ?? undefined}>
      ${cues.map((cue, number) => html`<li key=${cue.start}><button class=${isNow && number === current ? "cue current" : "cue"} onClick=${() => onSeek(cue.start)}>
        <span class="moment-time">${clock(cue.start)}</span><span dir="auto">${cue.text}</span></button></li>`)}
    </ol>
  </section>`;
}
