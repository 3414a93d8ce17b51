// Where each row of the timeline is, so that only those in view need to exist.

const GAP = 12;
const HEADER = 52;
const TEXT = 62; // below the picture of a card

/** How many cards of at least `least` pixels fit side by side, and the size of one. */
export function grid(width, least = 220) {
  const columns = Math.max(width < 480 ? 2 : 1, Math.floor((width + GAP) / (least + GAP)));
  const cardWidth = (width - GAP * (columns - 1)) / columns;
  return { columns, cardWidth, cardHeight: Math.round((cardWidth * 9) / 16) + TEXT, gap: GAP };
}

/** Rows `{top, height, day, entries}` from entries in order; a row without entries is the heading of its day. */
export function rows(entries, keyOf, { columns, cardHeight }) {
  const placed = [];
  let top = 0;
  const place = (row) => {
    placed.push({ ...row, top });
    top += row.height;
  };
  for (let first = 0; first < entries.length; ) {
    const day = keyOf(entries[first]);
    let end = first;
    while (end < entries.length && keyOf(entries[end]) === day) end += 1;
    place({ day, height: HEADER, number: end - first, at: entries[first].captured_at });
    for (let at = first; at < end; at += columns) {
      place({ day, height: cardHeight + GAP, entries: entries.slice(at, Math.min(at + columns, end)) });
    }
    first = end;
  }
  return { rows: placed, height: top };
}

/** Indexes [from, to) of the rows that touch the pixels from `top` to `bottom`. */
export function visible(placed, top, bottom) {
  const after = (position) => {
    let [low, high] = [0, placed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (placed[middle].top + placed[middle].height <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return [after(top), Math.min(placed.length, after(bottom) + 1)];
}
