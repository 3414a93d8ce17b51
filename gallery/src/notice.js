// What a page shows instead of its content: that it may not be seen, or that something failed.
import { Denied } from "./data/http.js";
import { html } from "./ui.js";

/** A page that the link does not open. */
export function NoAccess() {
  return html`<div class="denied">
    <h1>This link gives no access</h1>
    <p>It has expired, was revoked, or covers other footage.</p>
    <ul>
      <li>Somebody sent it to you: ask them for a new one.</li>
      <li>The archive is yours: run <code>impp open</code> for a new link.</li>
    </ul>
  </div>`;
}

/** An error as a sentence, with what to do. */
export function Failure({ error }) {
  if (error instanceof Denied) return html`<${NoAccess} />`;
  return html`<div class="notice bad" role="alert">
    <strong>The archive could not be read.</strong> ${error.message}
    <button class="button" onClick=${() => location.reload()}>Try again</button>
  </div>`;
}
