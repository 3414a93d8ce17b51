// The frame of every page: name, search box, navigation.
import { prepare } from "./data/search-client.js";
import { shardList } from "./data/shards.js";
import * as links from "./route.js";
import { html, Icon, useEffect, useRef, useState } from "./ui.js";

function SearchBox({ route }) {
  const input = useRef(null);
  const query = route.page === "search" ? (route.query.get("q") ?? "") : "";

  const go = (text) => {
    if (route.page !== "search") location.hash = links.search(text);
    else {
      links.replaceQuery({ q: text });
      dispatchEvent(new HashChangeEvent("hashchange"));
    }
  };
  useEffect(() => {
    if (input.current !== document.activeElement) input.current.value = query;
  }, [query]);
  useEffect(() => {
    const focus = (event) => {
      if (event.key !== "/" || event.target.closest?.("input, select, textarea")) return;
      event.preventDefault();
      input.current.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);

  return html`<form class="search" role="search" onSubmit=${(event) => event.preventDefault()}>
    <${Icon} name="search" />
    <input ref=${input} type="search" aria-label="Search everything" placeholder="Search what was said, seen or read" autocomplete="off"
      spellcheck="false" enterkeyhint="search" defaultValue=${query} onFocus=${prepare} onInput=${(event) => go(event.target.value)} />
  </form>`;
}

function useProblems() {
  const [number, setNumber] = useState(0);
  useEffect(() => {
    shardList().then((shards) => setNumber(shards.reduce((sum, shard) => sum + (shard.problems ?? 0), 0)), () => {});
  }, []);
  return number;
}

export function Shell({ route, children }) {
  const problems = useProblems();
  const tabs = [
    ["timeline", links.timeline(), "Timeline"],
    ["problem", links.problems, "Problems"],
    ["money", links.money, "Money"],
  ];
  const current = { timeline: "timeline", asset: "timeline", problems: "problem", money: "money" }[route.page];
  const skip = (event) => {
    event.preventDefault();
    const main = document.getElementById("main");
    main?.setAttribute("tabindex", "-1");
    main?.focus();
  };
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to content</a>
    <header class="header">
      <a class="brand" href=${links.timeline()} aria-label="IMPP, to the timeline"><span class="mark"><${Icon} name="play" /></span><span class="brand-name">IMPP</span></a>
      <${SearchBox} route=${route} />
      <nav class="tabs" aria-label="Pages">
        ${tabs.map(([icon, href, name]) => html`<a key=${icon} href=${href} class="tab" aria-current=${icon === current ? "page" : undefined}>
          <${Icon} name=${icon} /><span>${name}</span>${icon === "problem" && problems > 0 && html`<span class="count" aria-label=${`${problems} open`}>${problems > 99 ? "99+" : problems}</span>`}</a>`)}
      </nav>
    </header>
    ${children}`;
}
