// Words and dates of a query, and the seconds of an asset at which they are seen or said.

/** Lower case without accents, the form in which words are compared. */
export const normal = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

const SEPARATORS = /[\n\r\p{Z}\p{P}]+/u;
export const split = (text) => normal(text).split(SEPARATORS).filter(Boolean);

/** A query as `{words, dates}`; dates such as 2026-11 or 2026-11-03 select by day. */
export function parse(query) {
  const dates = [];
  const words = query.replace(/\b\d{4}-\d{2}(-\d{2})?\b/g, (date) => {
    dates.push(date);
    return " ";
  });
  return { words: words.trim(), dates };
}

const KINDS = { speech: "said", text: "read", labels: "seen" };

function* moments(words) {
  for (const [s, text] of words.speech ?? []) yield { s, text, kind: KINDS.speech };
  for (const [text, s] of words.text ?? []) yield { s, text, kind: KINDS.text };
  for (const [text, s] of words.labels ?? []) yield { s, text, kind: KINDS.labels };
}

/**
 * The best moments `{s, text, kind}` of an asset's words for the index terms that a query matched, by query word.
 * More words of the query first, then earlier; at most `most`, each text once.
 */
export function bestMoments(words, termsByWord, most = 3) {
  const rated = new Map();
  for (const moment of moments(words)) {
    const tokens = new Set(split(moment.text));
    const rank = termsByWord.filter((terms) => terms.some((term) => tokens.has(term))).length;
    const known = rated.get(moment.text);
    if (rank && (!known || moment.s < known.s)) rated.set(moment.text, { ...moment, rank });
  }
  return [...rated.values()].sort((a, b) => b.rank - a.rank || a.s - b.s).slice(0, most);
}
