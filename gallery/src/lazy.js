// Pages whose modules are loaded when they are needed, or when the browser has nothing else to do.
import { Failure } from "./notice.js";
import { html, useEffect, useState } from "./ui.js";

/** A component from a function that imports it. `prepare()` loads it ahead. */
export function lazy(load) {
  let Page = null;
  let loading = null;
  const prepare = () => (loading ??= load().then((component) => (Page = component)));
  function Lazy(props) {
    const [state, setState] = useState({ isReady: Page !== null });
    useEffect(() => {
      if (!Page) prepare().then(() => setState({ isReady: true }), (error) => setState({ error }));
    }, []);
    if (state.error) return html`<main id="main"><${Failure} error=${state.error} /></main>`;
    return Page ? html`<${Page} ...${props} />` : null;
  }
  return Object.assign(Lazy, { prepare });
}
