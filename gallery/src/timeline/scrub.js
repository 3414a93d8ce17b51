// A picture that plays its storyboard under the pointer: hover with a mouse, drag with a finger.
import { clock } from "../format.js";
import { getText } from "../data/http.js";
import { at, tiles } from "../data/vtt.js";
import { html, useRef, useState } from "../ui.js";

const boards = new Map();
const KEPT = 40;

/** `{tiles, url, width, height}` of a storyboard, with the size of its picture; null if it cannot be loaded. */
export function loadBoard(storyboard) {
  if (!boards.has(storyboard.vtt)) {
    boards.set(storyboard.vtt, read(storyboard).catch(() => null));
    if (boards.size > KEPT) boards.delete(boards.keys().next().value);
  }
  return boards.get(storyboard.vtt);
}

async function read(storyboard) {
  const image = new Image();
  image.src = `/${storyboard.image}`;
  const [vtt] = await Promise.all([getText(`/${storyboard.vtt}`), image.decode()]);
  return { tiles: tiles(vtt), url: image.src, width: image.naturalWidth, height: image.naturalHeight };
}

/** The style that shows a tile across a box of `width` pixels, as tall as its shape needs. */
export function tileStyle(board, tile, width) {
  const scale = width / tile.width;
  return {
    backgroundImage: `url("${board.url}")`,
    backgroundSize: `${board.width * scale}px ${board.height * scale}px`,
    backgroundPosition: `${-tile.x * scale}px ${-tile.y * scale}px`,
    height: `${tile.height * scale}px`,
  };
}

/** Lies over the picture of a card. */
export function Scrub({ storyboard, duration }) {
  const box = useRef(null);
  const [shown, setShown] = useState(null);
  const isDragged = useRef(false);

  const show = async (event) => {
    if (event.pointerType !== "mouse" && !event.buttons) return;
    const { left, width } = box.current.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - left) / width));
    if (event.pointerType !== "mouse") isDragged.current = true;
    const board = await loadBoard(storyboard);
    if (board?.tiles.length) setShown({ board, width, part, tile: at(board.tiles, part * duration) });
  };
  const hide = () => setShown(null);
  // A drag ends in a click, which must not open the card.
  const click = (event) => {
    if (isDragged.current) event.preventDefault();
    isDragged.current = false;
  };

  return html`<div class="scrub" ref=${box} onPointerMove=${show} onPointerLeave=${hide} onPointerCancel=${hide} onClick=${click}>
    ${shown && html`
      <div class="scrub-tile" style=${tileStyle(shown.board, shown.tile, shown.width)}></div>
      <div class="scrub-position" style=${{ width: `${shown.part * 100}%` }}></div>
      <span class="badge scrub-time">${clock(shown.part * duration)}</span>`}
  </div>`;
}
