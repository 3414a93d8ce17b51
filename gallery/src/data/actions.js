// Restore and render through the distribution's own function, which quotes before it acts.
import { getJson, postJson } from "./http.js";

const PATH = "/api/actions";

/** `{status, message, usd, most_usd, ready_in_s}` of what an action would do, or null where no action can be asked for. */
export async function quote(action, id, options = {}) {
  try {
    const response = await postJson(PATH, { action, assets: [id], options, dry_run: true, request: crypto.randomUUID() });
    return response.results[0] ?? null;
  } catch {
    return null; // no function behind /api, or a link to shared assets only
  }
}

/** Do it. `request` makes a repeated request the same one. */
export async function act(action, id, options, request) {
  const response = await postJson(PATH, { action, assets: [id], options, dry_run: false, request });
  return response.results[0];
}

/** The month's money from the catalog, or null where there is no function to ask. */
export const money = () => getJson("/api/money").catch(() => null);
