// What every component needs: templates, hooks, and icons.
import { Fragment, h, render } from "preact";
import htm from "htm";

export { Fragment, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

export const html = htm.bind(h);

const PATHS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M6 5h4.5v14H6zM13.5 5H18v14h-4.5z",
  volume: "M4 9v6h4l5 4V5L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12",
  muted: "M4 9v6h4l5 4V5L8 9zM16 9.5l5 5M21 9.5l-5 5",
  full: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  captions: "M3 6h18v12H3zM7 12.5h4M13 12.5h4M7 15h7",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 21 21",
  filter: "M4 6h16M7 12h10M10 18h4",
  download: "M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7L12 17",
  back: "M15 5l-7 7 7 7",
  timeline: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  problem: "M12 4 2.8 20h18.4zM12 10v4.5M12 17.2v.3",
  money: "M12 3v18M16.5 7.5c-.8-1.3-2.4-2-4.5-2-2.500 0-4.300 1.200-4.300 3.100 0 4.500 9.100 2 9.100 6.600 0 2-1.900 3.300-4.700 3.300-2.300 0-4.100-.9-4.900-2.400",
  help: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.3",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.500h4M4 14.500h4M16 9.500h4M16 14.500h4",
  close: "M6 6l12 12M18 6 6 18",
};
const SOLID = new Set(["play", "pause"]);

/** An icon of the text's colour; decoration, so the control that holds it needs a name. */
export function Icon({ name }) {
  const isSolid = SOLID.has(name);
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" fill=${isSolid ? "currentColor" : "none"}
    stroke=${isSolid ? "none" : "currentColor"} stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">
    <path d=${PATHS[name]} /></svg>`;
}
