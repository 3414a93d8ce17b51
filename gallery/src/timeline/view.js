// What of the timeline is in view.
import { useEffect, useLayoutEffect, useState } from "../ui.js";
import { kept } from "./entries.js";

/** The width of an element, as it changes. */
export function useWidth(element) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(element.current);
    setWidth(Math.floor(element.current.getBoundingClientRect().width));
    return () => observer.disconnect();
  }, []);
  return width;
}

/** What of the page is in view, in pixels of `element`; changes in steps, so that scrolling renders little. */
export function useView(element) {
  const [view, setView] = useState([0, 1200]);
  useEffect(() => {
    const update = () => {
      const top = -element.current.getBoundingClientRect().top;
      const step = 200;
      const next = [Math.floor(top / step) * step, Math.ceil((top + innerHeight) / step) * step];
      setView((old) => (old[0] === next[0] && old[1] === next[1] ? old : next));
    };
    const scrolled = () => {
      if (element.current.offsetHeight) kept.scroll = scrollY;
      update();
    };
    update();
    addEventListener("scroll", scrolled, { passive: true });
    addEventListener("resize", update);
    return () => {
      removeEventListener("scroll", scrolled);
      removeEventListener("resize", update);
    };
  }, []);
  return view;
}
