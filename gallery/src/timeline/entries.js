// The entries that the timeline has read so far. They survive a visit to another page, with the place of the reader.
import { refresh, shardList, shardsOf, timesOf } from "../data/shards.js";
import { useEffect, useRef, useState } from "../ui.js";

const REFRESH_MS = 60_000;

/** `months` are rows of the list; `rest` yields the shards that are not read yet; `oldest` are the times of the last one
 * that is; `scroll` is the reader's place, in pixels. */
export const kept = { from: null, months: [], rest: null, oldest: null, isComplete: false, entries: [], scroll: 0 };

/**
 * `{months, entries, oldest, isComplete, isLoading, error}` and a function that loads the next shard: from the month
 * `from`, or the newest, to older ones.
 */
export function useEntries(from) {
  const [state, setState] = useState({ ...kept, isLoading: true });
  const isBusy = useRef(false);

  const restart = async () => {
    const months = await shardList();
    const isWanted = (shard) => !from || timesOf(shard).slice(0, 7) <= from;
    Object.assign(kept, { from, months, rest: shardsOf(months, isWanted), oldest: null, isComplete: false, entries: [] });
  };
  const next = async () => {
    const { value: shard, done } = await kept.rest.next();
    if (done) kept.isComplete = true;
    else Object.assign(kept, { entries: [...kept.entries, ...shard.entries], oldest: timesOf(shard) });
    return !done;
  };
  const load = async (isFirst) => {
    if (isBusy.current) return;
    isBusy.current = true;
    try {
      if (isFirst) {
        await restart();
        kept.scroll = 0;
      }
      await next();
      setState({ ...kept, isLoading: false });
    } catch (error) {
      setState({ ...kept, isLoading: false, error });
    } finally {
      isBusy.current = false;
    }
  };
  // What was uploaded meanwhile: as far back as before.
  const renew = async () => {
    if (document.hidden || isBusy.current || !(await refresh().catch(() => false))) return;
    isBusy.current = true;
    const before = { ...kept };
    try {
      await restart();
      while ((kept.oldest === null || kept.oldest > before.oldest) && (await next()));
      setState({ ...kept, isLoading: false });
    } catch {
      Object.assign(kept, before); // try again in a minute
    } finally {
      isBusy.current = false;
    }
  };
  useEffect(() => {
    if (kept.rest && kept.from === from) setState({ ...kept, isLoading: false });
    else load(true);
    if (from) return undefined;
    const timer = setInterval(renew, REFRESH_MS);
    document.addEventListener("visibilitychange", renew);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", renew);
    };
  }, [from]);
  return [state, () => load(false)];
}
