// The index: the list of the months, each a shard of entries, or a list of narrower shards if it has been split; newest
// first everywhere. Each document is fetched once per revision.
import { getJson } from "./http.js";

let list = null;
const known = new Map(); // by path: {revision, document}

/** Rows `{month, times, path, words, assets, problems, usd}`, newest month first. Empty in an archive without footage. */
export function shardList() {
  list ??= getJson("/index/shards.json").then((document) => document.shards, (error) => {
    list = null;
    throw error;
  });
  return list;
}

/** The beginning of the times of capture of a shard's assets. */
export const timesOf = (shard) => shard.times ?? shard.month;

function documentOf(shard) {
  const before = known.get(shard.path);
  if (before && before.revision >= shard.revision) return before.document;
  const current = { revision: shard.revision };
  current.document = getJson(`/${shard.path}`, before !== undefined).then((document) => {
    document.assets?.forEach((entry) => (entry.when = timesOf(shard)));
    current.revision = document.revision;
    return document;
  });
  current.document.catch(() => known.delete(shard.path));
  known.set(shard.path, current);
  return current.document;
}

/**
 * The shards with entries, `{...row, entries}`, in order, of rows that are wanted; entries have `when`, their shard's times.
 * One that has lost all of its assets costs no request.
 */
export async function* shardsOf(rows, isWanted = () => true) {
  for (const shard of rows.filter((row) => row.assets && isWanted(row))) {
    const document = await documentOf(shard);
    if (document.shards) yield* shardsOf(document.shards, isWanted);
    else yield { ...shard, entries: document.assets };
  }
}

/** Read the list again; whether a shard is new or was written since it was read. */
export async function refresh() {
  const { shards: rows } = await getJson("/index/shards.json", true);
  const before = new Map((await shardList()).map((row) => [row.path, row.revision]));
  list = Promise.resolve(rows);
  return rows.some((row) => (known.get(row.path)?.revision ?? before.get(row.path)) !== row.revision);
}

/** An asset's entry, or null. Looks first into the shards that may have the times `when`, or the beginning of one. */
export async function entryOf(id, when) {
  const rows = await shardList();
  const mayHave = (shard) => when && (timesOf(shard).startsWith(when) || when.startsWith(timesOf(shard)));
  for (const isWanted of [mayHave, () => true]) {
    for await (const { entries } of shardsOf(rows, isWanted)) {
      const entry = entries.find((one) => one.asset === id);
      if (entry) return entry;
    }
  }
  return null;
}

const begin = (entry) => Date.parse(entry.captured_at) / 1000;
const LONGEST_S = 3600; // of a recording that may have begun before another camera's

/** Videos of the same device that were recorded while `entry` was, itself first: the cameras of one moment. */
export async function camerasOf(entry) {
  const [start, end] = [begin(entry), begin(entry) + entry.duration_s];
  const [first, last] = [start - LONGEST_S, end].map((seconds) => new Date(seconds * 1000).toISOString());
  const overlaps = (shard) => {
    const times = timesOf(shard);
    return first.slice(0, times.length) <= times && times <= last.slice(0, times.length);
  };
  const all = [];
  for await (const { entries } of shardsOf(await shardList(), overlaps)) all.push(...entries);
  const others = all.filter(
    (one) =>
      one.asset !== entry.asset && one.device === entry.device && one.source === entry.source && one.kind === "video" &&
      one.camera && one.camera !== entry.camera && isPlayable(one) &&
      begin(one) < end - 0.5 && begin(one) + one.duration_s > start + 0.5,
  );
  return [entry, ...others].map((one) => ({ ...one, offset: begin(one) - start }));
}

export const isPlayable = (entry) => entry.state === "published" || entry.state === "partial";
