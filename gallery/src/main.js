// Starts the application and shows the page that the address names.
import { lazy } from "./lazy.js";
import { parse } from "./route.js";
import { Shell } from "./shell.js";
import { Timeline } from "./timeline/page.js";
import { html, render, useEffect, useState } from "./ui.js";

const PAGES = {
  timeline: Timeline,
  asset: lazy(() => import("./asset/page.js").then((module) => module.AssetPage)),
  search: lazy(() => import("./search-page.js").then((module) => module.SearchPage)),
  problems: lazy(() => import("./problems.js").then((module) => module.ProblemsPage)),
  money: lazy(() => import("./money.js").then((module) => module.MoneyPage)),
};
const SharedPage = lazy(() => import("./shared.js").then((module) => module.SharedPage));
const SOON_MS = 2000;

function App() {
  const [route, setRoute] = useState(() => parse(location.hash));
  useEffect(() => {
    const change = () => {
      const next = parse(location.hash);
      setRoute((old) => {
        if (old.page !== next.page || old.ids.join() !== next.ids.join()) scrollTo(0, 0);
        return next;
      });
    };
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  if (route.page === "shared") return html`<${SharedPage} key=${route.ids.join()} ids=${route.ids} query=${route.query} />`;
  const Page = PAGES[route.page];
  return html`<${Shell} route=${route}><${Page} key=${route.ids.join()} ids=${route.ids} query=${route.query} /><//>`;
}

history.scrollRestoration = "manual"; // pages are as tall as their data, which the browser does not wait for
render(html`<${App} />`, document.getElementById("app"));
setTimeout(() => Object.values(PAGES).forEach((page) => page.prepare?.().catch(() => {})), SOON_MS);
