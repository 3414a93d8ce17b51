// Buttons that cost money: each names its price, and works only where /api answers.
import { act, quote } from "../data/actions.js";
import { manifestOf } from "../data/manifest.js";
import { capital, span, usd } from "../format.js";
import { html, useEffect, useState } from "../ui.js";

const ARCHIVED = new Set(["GLACIER", "DEEP_ARCHIVE"]);
const RENDITIONS = { video: ["web", "mobile", "hls"], audio: [], image: [] };

const REPLAY = { action: "replay", options: {}, label: "Process it again" };
const REPLAYED = new Set(["deferred", "failed", "partial", "quarantined"]);

/** What may be asked for of an asset in a state: `{action, options, label}`. */
export const replays = (state) => (REPLAYED.has(state) ? [REPLAY] : []);

/** The same of an asset by its manifest. */
export function offers({ archive, facts, renditions, hls, state }) {
  const offered = replays(state);
  if (ARCHIVED.has(archive?.storage_class)) {
    offered.push({ action: "restore", options: { tier: "bulk", days: 7 }, label: "Restore the original" });
    offered.push({ action: "restore", options: { tier: "standard", days: 7 }, label: "Restore sooner" });
  }
  const names = new Set([...renditions.map((rendition) => rendition.name), ...(hls ? ["hls"] : [])]);
  for (const name of RENDITIONS[facts.kind]) {
    if (!names.has(name)) offered.push({ action: "render", options: { renditions: [name] }, label: `Render ${name}` });
  }
  return offered;
}

/** The offers with their quotes; none where there is nobody to ask. */
async function quotesOf(offered, asset) {
  const all = await Promise.all(offered.map(async (offer) => ({ ...offer, quote: await quote(offer.action, asset, offer.options) })));
  return all.filter((offer) => offer.quote);
}

/** One quote per visit, which also tells whether there is anybody to ask: the function limits requests per minute. */
export function Actions({ asset, offered }) {
  const [first, ...others] = offered;
  const [quoted, setQuoted] = useState([]);
  const [isComplete, setComplete] = useState(others.length === 0);
  useEffect(() => {
    let isCurrent = true;
    if (first) quotesOf([first], asset).then((all) => isCurrent && setQuoted(all));
    return () => (isCurrent = false);
  }, [asset]);
  if (!quoted.length) return null;
  const showAll = async () => {
    setComplete(true);
    const isNews = ({ quote: { status, message } }) => status === "would" || !quoted.some((known) => known.quote.message === message);
    setQuoted([...quoted, ...(await quotesOf(others, asset)).filter(isNews)]);
  };
  return html`<div class="actions">${quoted.map((offer) => html`<${Action} key=${offer.label} offer=${offer} id=${asset} />`)}
    ${!isComplete && html`<div><button class="button quiet" onClick=${showAll}>More actions and their prices</button></div>`}</div>`;
}

const LOOK_MS = 5000;

/** Whether a rendition that was asked for exists; looks until it does. */
function useRendered(id, names) {
  const [isThere, setThere] = useState(false);
  useEffect(() => {
    if (!names) return undefined;
    const look = async () => {
      if (document.hidden) return;
      const { renditions, hls } = await manifestOf(id, true);
      if (!names.every((name) => (name === "hls" ? hls : renditions.some((one) => one.name === name)))) return;
      setThere(true);
      clearInterval(timer);
    };
    const timer = setInterval(() => look().catch(() => {}), LOOK_MS);
    return () => clearInterval(timer);
  }, [names]);
  return isThere;
}

function Action({ offer, id }) {
  const [request] = useState(() => crypto.randomUUID());
  const [answer, setAnswer] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const isRendered = useRendered(id, answer?.status === "accepted" ? offer.options.renditions : undefined);
  const run = async () => {
    setBusy(true);
    try {
      setAnswer(await act(offer.action, id, offer.options, request));
    } catch (error) {
      setAnswer({ status: "refused", message: error.message });
    }
    setBusy(false);
  };
  if (offer.quote.status !== "would") {
    return html`<div class="action"><button class="button" disabled>${offer.label}</button>
      <span class="small soft"><bdi>${capital(offer.quote.message)}.</bdi></span></div>`;
  }
  // A file that was never quoted has a limit at best: the message says why.
  const isQuoted = offer.quote.usd !== undefined;
  const limit = offer.quote.most_usd === undefined ? "price unknown" : `up to ${usd(offer.quote.most_usd)}`;
  const cost = isQuoted ? offer.quote.usd && usd(offer.quote.usd) : limit;
  const price = [cost, offer.quote.ready_in_s && span(offer.quote.ready_in_s)].filter(Boolean).join(", ");
  return html`<div class="action">
    <button class="button" disabled=${isBusy || (answer && answer.status !== "refused")} title=${offer.quote.message} onClick=${run}>${offer.label} <span class="price">${price}</span></button>
    <span role="status" class=${answer?.status === "refused" ? "small bad-text" : "small soft"}>${isRendered ? "It is ready." : (answer?.message ?? (price && isQuoted ? "" : `${capital(offer.quote.message)}.`))}</span>
    ${isRendered && html`<button class="button" onClick=${() => location.reload()}>Play it</button>`}
  </div>`;
}
