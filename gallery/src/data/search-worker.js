// The search index, in a thread of its own. It reads the shards newest first and answers from what it has read so far.
//
// In:  {shards}, once; {id, query, limit}.
// Out: {progress: {read, of}} in assets; {id, hits, total, ms} or {id, isSuperseded}; {id, isDenied, problem}.
import MiniSearch from "minisearch";
import { Denied, getJson } from "./http.js";
import { bestMoments, normal, parse, split } from "./words.js";

const FIELDS = ["speech", "text", "labels", "facts"];
const AT_ONCE = 4; // shards that are fetched while others are indexed

const index = new MiniSearch({
  fields: FIELDS,
  idField: "number",
  tokenize: split,
  processTerm: (term) => term,
  searchOptions: {
    boost: { speech: 2, text: 1.5, labels: 1.5, facts: 1 },
    combineWith: "AND",
    prefix: (term) => term.length > 1,
    fuzzy: (term) => (term.length > 4 ? 0.2 : false),
    weights: { prefix: 0.6, fuzzy: 0.2 },
  },
});

// By an asset's number: its day, and what a hit shows of it as JSON, which takes a fraction of the memory of objects.
const days = [];
const texts = [];
let newest = 0; // id of the last query; those that came before it need no answer any more

const facts = (entry) =>
  [entry.name, entry.device, entry.camera, entry.recording, entry.source, entry.state, entry.profile, entry.people ? "people" : ""]
    .filter(Boolean).join(" ");

async function load(shard) {
  const [document, words] = await Promise.all([
    getJson(`/${shard.path}`),
    shard.words ? getJson(`/${shard.words}`) : { assets: {} },
  ]);
  return { entries: document.assets, shards: document.shards, words: words.assets };
}

/** The shards with entries, in order, some of them fetched ahead: `{shard, entries, words}`. */
async function* loaded(all) {
  const rows = all.filter((row) => row.assets);
  const pending = [];
  for (let next = 0; next < rows.length || pending.length; ) {
    while (next < rows.length && pending.length < AT_ONCE) pending.push({ shard: rows[next], loading: load(rows[next++]) });
    const { shard, loading } = pending.shift();
    const { entries, shards, words } = await loading;
    if (shards) yield* loaded(shards); // it has been split
    else yield { shard, entries, words };
  }
}

/** What a hit shows of an entry. */
function shown({ asset, captured_at, state, kind, device, camera, recording, name, duration_s, poster, thumbnail, storyboard }, when) {
  return { asset, captured_at, state, kind, device, camera, recording, name, duration_s, poster, thumbnail, storyboard, when };
}

async function add({ shard, entries, words: spoken }) {
  const documents = entries.map((entry) => {
    const words = spoken[entry.asset] ?? {};
    days.push(entry.captured_at.slice(0, 10));
    texts.push(JSON.stringify([shown(entry, shard.times ?? shard.month), words]));
    return {
      number: texts.length - 1,
      speech: (words.speech ?? []).map(([, text]) => text).join(" "),
      text: (words.text ?? []).map(([text]) => text).join(" "),
      labels: [...new Set([...(words.labels ?? []).map(([name]) => name), ...(entry.labels ?? [])])].join(" "),
      facts: facts(entry),
    };
  });
  await index.addAllAsync(documents, { chunkSize: 500 }); // lets queries in between
}

async function read(rows) {
  const of = rows.reduce((sum, row) => sum + row.assets, 0);
  for await (const shard of loaded(rows)) {
    await add(shard);
    postMessage({ progress: { read: texts.length, of: Math.max(of, texts.length + 1) } });
  }
  postMessage({ progress: { read: texts.length, of: texts.length } });
}

/** Index terms for each word of the query: `match` of MiniSearch's result has terms, `queryTerms` the words. */
function termsByWord(query, hit) {
  const terms = Object.keys(hit.match);
  return split(query).map((word) => terms.filter((term) => term.startsWith(word) || isNear(term, word)));
}

const isNear = (term, word) => word.length > 4 && term[0] === word[0] && Math.abs(term.length - word.length) <= 2;

function search(query, limit) {
  const { words, dates } = parse(query);
  if (!words && !dates.length) return { hits: [], total: 0 };
  const isThen = (number) => dates.every((date) => days[number].startsWith(date));
  let found = index.search(words ? normal(words) : MiniSearch.wildcard, { filter: (result) => isThen(result.id) });
  if (!words) found = found.sort((a, b) => a.id - b.id);
  const hits = found.slice(0, limit).map((hit) => {
    const [entry, spoken] = JSON.parse(texts[hit.id]);
    return { entry, moments: words ? bestMoments(spoken, termsByWord(words, hit)) : [] };
  });
  return { hits, total: found.length };
}

addEventListener("message", async ({ data }) => {
  try {
    if (data.shards) {
      await read(data.shards);
    } else {
      newest = data.id;
      await new Promise((resolve) => setTimeout(resolve)); // the next query, if it waits already, replaces this one
      const started = performance.now();
      const answer = data.id === newest ? search(data.query, data.limit) : { isSuperseded: true };
      postMessage({ id: data.id, ...answer, ms: performance.now() - started });
    }
  } catch (error) {
    postMessage({ id: data.id, isDenied: error instanceof Denied, problem: String(error.message ?? error) });
  }
});
