// The bar below the picture: play, position with a preview, sound, captions, speed, quality, full screen.
import { at } from "../data/vtt.js";
import { clock } from "../format.js";
import { loadBoard, tileStyle } from "../timeline/scrub.js";
import { html, Icon, useState } from "../ui.js";

export const RATES = [0.25, 0.5, 1, 1.5, 2, 4];
const PREVIEW = 160; // pixels

export function Controls({ state, range, storyboard, sources, commands }) {
  const button = (name, label, command, isPressed) => html`<button class="icon-button" aria-label=${label} title=${label}
    aria-pressed=${isPressed} onClick=${command}><${Icon} name=${name} /></button>`;
  return html`<div class="controls">
    ${button(state.isPaused ? "play" : "pause", state.isPaused ? "Play" : "Pause", commands.toggle)}
    <span class="num position">${clock(state.time - range.start)} <span class="soft">/ ${clock(range.end - range.start)}</span></span>
    <${Seek} time=${state.time} range=${range} storyboard=${storyboard} onSeek=${commands.seek} />
    ${button(state.isMuted ? "muted" : "volume", "Sound", commands.mute, !state.isMuted)}
    ${state.canCaption && button("captions", "Captions", commands.captions, state.hasCaptions)}
    <label class="mini"><span class="visually-hidden">Speed</span><select value=${state.rate} onChange=${(event) => commands.rate(Number(event.target.value))}>
      ${RATES.map((rate) => html`<option key=${rate} value=${rate}>${rate}×</option>`)}</select></label>
    ${sources.length > 1 && html`<label class="mini"><span class="visually-hidden">Quality</span><select value=${state.quality} onChange=${(event) => commands.quality(event.target.value)}>
      ${sources.map((source) => html`<option key=${source.name} value=${source.name}>${source.label}</option>`)}</select></label>`}
    ${button("help", "Keyboard shortcuts", commands.help)}
    ${button("full", "Full screen", commands.full)}
  </div>`;
}

function Seek({ time, range, storyboard, onSeek }) {
  const [preview, setPreview] = useState(null);
  const length = range.end - range.start || 1;
  const hover = async (event) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
    const second = range.start + part * length;
    const board = storyboard ? await loadBoard(storyboard) : null;
    setPreview({ part, second, board, tile: board && at(board.tiles, second) });
  };
  return html`<div class="seek-box" onPointerMove=${hover} onPointerLeave=${() => setPreview(null)}>
    <input class="seek" type="range" min=${range.start} max=${range.end} step="0.01" value=${time} aria-label="Position"
      aria-valuetext=${`${clock(time - range.start)} of ${clock(length)}`} style=${{ "--part": (time - range.start) / length }}
      onInput=${(event) => onSeek(Number(event.target.value))} />
    ${preview && html`<div class="preview" style=${{ left: `${preview.part * 100}%` }}>
      ${preview.tile && html`<div class="preview-tile" style=${{ width: `${PREVIEW}px`, ...tileStyle(preview.board, preview.tile, PREVIEW) }}></div>`}
      <span class="num">${clock(preview.second - range.start)}</span></div>`}
  </div>`;
}
