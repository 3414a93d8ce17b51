// The player: the cameras of a moment, their controls, the lane and the transcript.
import { captionsOf, frameSeconds, laneOf, sourcesOf } from "../data/manifest.js";
import { html, useEffect, useMemo, useRef, useState } from "../ui.js";
import { Controls, RATES } from "./controls.js";
import { KeyHelp, useKeys } from "./keys.js";
import { Lane } from "./lane.js";
import { Moment } from "./moment.js";
import { Transcript } from "./transcript.js";
import { View } from "./view.js";

/**
 * `views` are `{manifest, offset, name}`, the asset itself first; `start` is the second to show, `plays` whether to
 * play from there; `part` `{start, end}` limits what can be seen. `onTime` gets the second that is shown.
 */
export function Viewer({ views, start = 0, plays = false, part = null, hasKeys = true, onTime = () => {} }) {
  const { manifest } = views[0];
  const box = useRef(null);
  const range = useMemo(() => {
    const end = manifest.facts.duration_s;
    return { start: Math.min(part?.start ?? 0, end), end: Math.min(part?.end ?? end, end) };
  }, [manifest, part?.start, part?.end]);
  const moment = useMemo(() => new Moment(range), [range]);
  const sources = useMemo(() => sourcesOf(manifest), [manifest]);
  const [cues, setCues] = useState([]);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [state, setState] = useState({
    time: start, isPaused: true, isMuted: false, hasCaptions: false, rate: 1, main: 0, quality: sources[0]?.name,
  });
  const update = (change) => setState((old) => ({ ...old, ...change }));
  const isMoving = manifest.facts.kind !== "image" && sources.length > 0;

  useEffect(() => void captionsOf(manifest).then(setCues, () => {}), [manifest]);
  useEffect(() => {
    moment.seek(start);
    update({ time: start });
    if (plays) moment.play();
  }, [start, plays]);
  // The line through the lane moves with every frame; everything else is drawn again a few times per second.
  useEffect(() => {
    let request;
    const draw = () => {
      const played = (moment.time - range.start) / (range.end - range.start || 1);
      box.current?.style.setProperty("--played", String(Math.min(1, Math.max(0, played))));
      request = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(request);
  }, [moment]);

  const onEvent = (number, name) => {
    if (name === "toggle") moment.toggle();
    if (name === "loaded" && number === 0 && plays) moment.play();
    moment.align();
    const video = moment.views[moment.main]?.element;
    update({ time: moment.time, isPaused: moment.isPaused, isMuted: video?.muted ?? false });
    onTime(moment.time);
  };
  const seek = (time) => {
    moment.seek(time);
    update({ time });
    onTime(time); // a copied link names this second at once, not only when its picture has come
  };
  const rate = (value) => {
    moment.rate = value;
    update({ rate: value });
  };
  const frame = () => frameSeconds(manifest, state.quality);
  const by = (seconds) => () => seek(moment.time + seconds);
  const next = (step) => () => rate(RATES[Math.min(RATES.length - 1, Math.max(0, RATES.indexOf(state.rate) + step))]);
  const commands = {
    toggle: () => moment.toggle(),
    back10: by(-10), forward10: by(10), back5: by(-5), forward5: by(5),
    previous: () => moment.step(-frame()), next: () => moment.step(frame()),
    slower: next(-1), faster: next(1), rate, seek,
    tenth: (number) => seek(range.start + ((range.end - range.start) * number) / 10),
    captions: () => update({ hasCaptions: !state.hasCaptions }),
    mute: () => {
      const video = moment.views[moment.main]?.element;
      if (video) video.muted = !video.muted;
    },
    full: () => toggleFull(box.current, moment.views[moment.main]?.element),
    quality: (name) => update({ quality: name }),
    help: () => setHelpOpen(true),
  };
  useKeys(commands, hasKeys && isMoving);

  const select = (number) => {
    moment.lead(number);
    update({ main: number });
  };
  const rows = useMemo(() => laneOf(manifest, cues), [manifest, cues]);
  return html`<div class="viewer" ref=${box}>
    <div class=${views.length > 1 ? "stage several" : "stage"} style=${{ "--others": views.length - 1 }}>
      ${views.map((view, number) => html`<${View} key=${view.manifest.asset} view=${view} isMain=${number === state.main} isOnly=${views.length === 1}
        quality=${state.quality} hasCaptions=${state.hasCaptions} start=${() => (moment.views[0] ? moment.time : state.time) - view.offset}
        register=${(element) => moment.set(number, element, view.offset, view.manifest.facts.duration_s)}
        onSelect=${() => select(number)} onEvent=${(name) => onEvent(number, name)} />`)}
      ${isMoving && html`<${Controls} state=${{ ...state, canCaption: Boolean(manifest.captions) }} range=${range}
        storyboard=${manifest.storyboard} sources=${sources} commands=${commands} />`}
    </div>
    ${isMoving && html`<${Lane} rows=${rows} range=${range} onSeek=${seek} />`}
    <${Transcript} cues=${part ? cues.filter((cue) => cue.start < range.end && cue.end > range.start) : cues} language=${manifest.captions?.language} time=${state.time} onSeek=${seek} />
    <${KeyHelp} isOpen=${isHelpOpen} onClose=${() => setHelpOpen(false)} />
  </div>`;
}

function toggleFull(box, video) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (box.querySelector(".stage").requestFullscreen) box.querySelector(".stage").requestFullscreen();
  else video?.webkitEnterFullscreen?.(); // iPhones show only videos in full screen
}
