// The page's side of the search: starts the worker at the first search and matches answers to queries.
import { Denied } from "./http.js";
import { shardList } from "./shards.js";

let worker = null;
let progress = { read: 0, of: null };
let nextId = 1;
const waiting = new Map();
const listeners = new Set();

function report(change) {
  progress = { ...progress, ...change };
  listeners.forEach((listener) => listener(progress));
}

function receive({ data }) {
  if (data.progress) {
    report(data.progress);
    return;
  }
  const error = data.problem && (data.isDenied ? new Denied(data.problem) : new Error(data.problem));
  const { resolve, reject } = waiting.get(data.id) ?? { resolve() {}, reject: (reason) => report({ error: reason }) };
  waiting.delete(data.id);
  if (error) reject(error);
  else if (!data.isSuperseded) resolve(data);
}

function start() {
  worker = new Worker(new URL("./search-worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", receive);
  shardList().then((shards) => worker.postMessage({ shards }), (error) => report({ error }));
}

/** Start reading the index; does nothing if it is being read already. */
export function prepare() {
  if (!worker) start();
}

/** `{hits: [{entry, moments}], total, ms}` of what is read so far, best first. */
export function search(query, limit) {
  prepare();
  const id = nextId++;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, query, limit });
  });
}

/** Calls `listener` with `{read, of, error}`, numbers of assets, now and whenever another shard is read; returns how to stop that. */
export function watchProgress(listener) {
  listener(progress);
  listeners.add(listener);
  return () => listeners.delete(listener);
}
