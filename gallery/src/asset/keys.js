// The keyboard of the player: the keys that people know from other players.
import { html, Icon, useEffect, useRef } from "../ui.js";

const HELP = [
  ["Space, K", "Play or pause"],
  ["J, L", "10 seconds back, forward"],
  ["← →", "5 seconds back, forward"],
  [", .", "Previous, next frame"],
  ["< >", "Slower, faster"],
  ["0 … 9", "To that tenth of the recording"],
  ["C", "Captions"],
  ["M", "Sound"],
  ["F", "Full screen"],
  ["/", "Search"],
  ["?", "This list"],
];

const ACTIONS = {
  " ": "toggle", k: "toggle", j: "back10", l: "forward10", ArrowLeft: "back5", ArrowRight: "forward5",
  ",": "previous", ".": "next", "<": "slower", ">": "faster", c: "captions", m: "mute", f: "full", "?": "help",
};

/** Calls `commands[name]()` for the keys of the player, except while somebody types or chooses elsewhere. */
export function useKeys(commands, isActive) {
  const latest = useRef(commands);
  latest.current = commands;
  useEffect(() => {
    if (!isActive) return undefined;
    const press = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not(.seek), select, textarea, dialog")) return;
      if (event.key === " " && event.target.closest?.("button, a, summary")) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const name = ACTIONS[key];
      if (name) latest.current[name]();
      else if (/^\d$/.test(key)) latest.current.tenth(Number(key));
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [isActive]);
}

/** The list of keys. `isOpen` opens it; `onClose` is called however it is closed. */
export function KeyHelp({ isOpen, onClose }) {
  const dialog = useRef(null);
  useEffect(() => {
    if (isOpen && !dialog.current.open) dialog.current.showModal();
    if (!isOpen && dialog.current.open) dialog.current.close();
  }, [isOpen]);
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="keys-title" onClose=${onClose}>
    <div class="dialog-head"><h2 id="keys-title">Keyboard</h2>
      <button class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></div>
    <dl class="keys">${HELP.map(([keys, meaning]) => html`<div key=${keys}><dt><kbd>${keys}</kbd></dt><dd>${meaning}</dd></div>`)}</dl>
  </dialog>`;
}
