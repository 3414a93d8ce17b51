// The address after `#` as a route, and routes as addresses. The fragment never reaches the server or its logs.

// A map: an object would also have pages named `constructor` and `__proto__`.
const PAGES = new Map([
  ["", "timeline"], ["a", "asset"], ["search", "search"], ["problems", "problems"], ["money", "money"], ["shared", "shared"],
]);

/** `{page, ids, query}`; `page` is one of timeline, asset, search, problems, money, shared. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [head, rest = ""] = path.split("/", 2);
  const ids = rest.split(",").filter((id) => /^[0-9a-f]{20}$/.test(id));
  const page = PAGES.get(head);
  const isComplete = page && (ids.length > 0 || !["asset", "shared"].includes(page));
  return { page: isComplete ? page : "timeline", ids, query: new URLSearchParams(query) };
}

const withQuery = (path, query) => {
  const kept = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return kept.length ? `${path}?${new URLSearchParams(kept)}` : path;
};

export const timeline = (query = {}) => withQuery("#/", query);
/** The page of an asset at a second; `when` lets it find the entry of an asset that has no manifest. */
export const asset = (id, { t, when } = {}) => withQuery(`#/a/${id}`, { t: t === undefined ? t : Math.round(t * 10) / 10, when });
export const search = (q) => withQuery("#/search", { q });
export const problems = "#/problems";
export const money = "#/money";

/** Change the query of the current address without a new entry in the history. */
export function replaceQuery(query) {
  const path = location.hash.split("?", 1)[0] || "#/";
  history.replaceState(null, "", withQuery(path, query));
}
