// Requests to the gallery's own distribution. Cookies carry the permission.

/** The link is expired, revoked or for something else; also what CloudFront answers for a file that does not exist. */
export class Denied extends Error {}

async function request(path, options) {
  const response = await fetch(path, { credentials: "same-origin", ...options });
  if (response.status === 403) throw new Denied(`${path} is not available through this link.`);
  if (!response.ok) throw new Error(`${path} answered ${response.status}.`);
  return response;
}

/** `isNew` asks the server also for a document that was written when browsers were to keep it for a minute. */
export const getJson = async (path, isNew = false) => (await request(path, isNew ? { cache: "no-cache" } : {})).json();
export const getText = async (path) => (await request(path)).text();

/** Send JSON. CloudFront signs the request for the function only with the body's SHA-256 from us. */
export async function postJson(path, value) {
  const body = JSON.stringify(value);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(body));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "content-type": "application/json", "x-amz-content-sha256": hex, "x-impp": "1" };
  return (await request(path, { method: "POST", headers, body })).json();
}
