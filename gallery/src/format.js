// Values as text for people. Times are shown in the viewer's time zone.

/** Money with two significant digits below a dollar: $1.20, $0.034, $0.00012. */
export function usd(value) {
  if (!value) return "$0";
  if (value >= 1) return `$${value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  const places = Math.min(8, Math.max(2, 1 - Math.floor(Math.log10(value))));
  return `$${value.toFixed(places)}`;
}

/** A size in decimal units: 1.4 MB. */
export function size(bytes) {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (value < 1000 || unit === "TB") return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
}

/** A position or length in seconds as 1:05 or 1:02:05. */
export function clock(seconds) {
  const whole = Math.floor(seconds || 0);
  const pad = (value) => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

/** How long something takes: 40 s, 5 min, 12 h, 2 days. */
export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const DAY = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const day = (iso) => DAY.format(new Date(iso));
export const time = (iso) => TIME.format(new Date(iso));
export const dateTime = (iso) => (iso ? DATE_TIME.format(new Date(iso)) : "");
export const month = (name) => MONTH.format(new Date(`${name}-01T00:00:00Z`));

/** The day of a time in the viewer's zone, as 2026-11-03. */
export function dayKey(iso) {
  const date = new Date(iso);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;
export const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
