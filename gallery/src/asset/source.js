// Gives a media element something to play: a file as it is, HLS by the browser or, where it cannot, by hls.js.

const HLS = "application/vnd.apple.mpegurl";

/** Attach a source `{url, isHls}`; returns how to detach it. */
export function attach(element, source) {
  if (!source.isHls || element.canPlayType(HLS)) {
    element.src = source.url;
    return () => {
      element.removeAttribute("src");
      element.load();
    };
  }
  let player = null;
  let isDetached = false;
  import("hls.js").then(({ default: Hls }) => {
    if (isDetached) return;
    // Its worker would be a blob: URL, which the Content-Security-Policy denies.
    player = new Hls({ enableWorker: false });
    player.loadSource(source.url);
    player.attachMedia(element);
    player.on(Hls.Events.ERROR, (_, data) => data.fatal && element.dispatchEvent(new Event("error")));
  });
  return () => {
    isDetached = true;
    player?.destroy();
  };
}
