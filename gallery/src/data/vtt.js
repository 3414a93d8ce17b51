// WebVTT as we write it: captions, and storyboards whose cues name a part of a picture.

const seconds = (stamp) => stamp.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
// Captions may hold tags and entities (https://www.w3.org/TR/webvtt1/#cue-text-parsing-rules); text is all we show.
const plain = (text) =>
  text.replace(/<[^>]*>/g, "").replace(/&(lt|gt|amp|nbsp|lrm|rlm);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&", nbsp: " " })[name] ?? "");

/** Cues `{start, end, text}` in order of time; what is no cue is skipped. */
export function cues(vtt) {
  const parsed = [];
  for (const block of vtt.replaceAll("\r", "").split(/\n\n+/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes("-->"));
    const times = at < 0 ? null : lines[at].match(/([\d:.]+)\s+-->\s+([\d:.]+)/);
    if (times) parsed.push({ start: seconds(times[1]), end: seconds(times[2]), text: lines.slice(at + 1).join("\n") });
  }
  return parsed;
}

/** Captions as plain text. */
export const captions = (vtt) => cues(vtt).map((cue) => ({ ...cue, text: plain(cue.text).trim() }));

/** Tiles `{start, end, x, y, width, height}` of a storyboard, in pixels of its picture. */
export function tiles(vtt) {
  return cues(vtt).flatMap((cue) => {
    const box = cue.text.match(/#xywh=(\d+),(\d+),(\d+),(\d+)/);
    if (!box) return [];
    const [x, y, width, height] = box.slice(1).map(Number);
    return [{ start: cue.start, end: cue.end, x, y, width, height }];
  });
}

/** The item that shows at a time, or the last one before it. */
export function at(items, seconds) {
  return items.findLast((item) => item.start <= seconds) ?? items[0];
}
