// The timeline's filters: what may be chosen, what is chosen, and which entries match.
import { capital } from "../format.js";
import { html, Icon, useState } from "../ui.js";

const FIELDS = ["device", "camera", "recording", "state"];
const ALL = { device: "All devices", camera: "All cameras", recording: "All recordings", state: "All states", label: "All labels" };

/** Filters from the query of the address; absent ones match everything. */
export function read(query) {
  const chosen = {};
  for (const field of [...FIELDS, "label", "people"]) if (query.get(field)) chosen[field] = query.get(field);
  return chosen;
}

/** Whether an entry matches all chosen filters. A label matches in any case, as a whole. */
export function matches(entry, chosen) {
  if (FIELDS.some((field) => chosen[field] && entry[field] !== chosen[field])) return false;
  if (chosen.people && !entry.people) return false;
  const label = chosen.label?.toLowerCase();
  return !label || (entry.labels ?? []).some((name) => name.toLowerCase() === label);
}

/** What may be chosen, by field: `[value, number of entries]`, alphabetical; labels by how many show them. */
export function choices(entries) {
  const numbers = Object.fromEntries([...FIELDS, "label"].map((field) => [field, new Map()]));
  const add = (field, value) => value && numbers[field].set(value, (numbers[field].get(value) ?? 0) + 1);
  for (const entry of entries) {
    FIELDS.forEach((field) => add(field, entry[field]));
    entry.labels?.forEach((label) => add("label", label));
  }
  const sorted = Object.entries(numbers).map(([field, values]) => [field, [...values].sort(([a], [b]) => a.localeCompare(b))]);
  return { ...Object.fromEntries(sorted), label: [...numbers.label].sort((a, b) => b[1] - a[1]).slice(0, 60) };
}

function Choice({ field, values, value, onChange }) {
  if (values.length < 2 && !value) return null;
  const options = values.some(([name]) => name === value) || !value ? values : [[value, 0], ...values];
  return html`<label class="choice">
    <span class="choice-name">${capital(field)}</span>
    <select value=${value ?? ""} onChange=${(event) => onChange(field, event.target.value)}>
      <option value="">${ALL[field]}</option>
      ${options.map(([name, number]) => html`<option value=${name} key=${name}>${field === "label" || field === "device" ? name : capital(name)} (${number})</option>`)}
    </select>
  </label>`;
}

/** The row of filters; on a narrow screen behind a button. */
export function Filters({ values, chosen, onChange, children }) {
  const [isOpen, setOpen] = useState(false);
  const number = Object.keys(chosen).length;
  const set = (field, value) => onChange({ ...chosen, [field]: value });
  return html`<div class="filters">
    <button class="button filters-toggle" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
      <${Icon} name="filter" /> Filters${number ? ` (${number})` : ""}
    </button>
    <div class=${isOpen ? "filters-fields open" : "filters-fields"} role="group" aria-label="Filters">
      ${[...FIELDS, "label"].map((field) => html`<${Choice} key=${field} field=${field} values=${values[field]} value=${chosen[field]} onChange=${set} />`)}
      <label class="check"><input type="checkbox" checked=${Boolean(chosen.people)}
        onChange=${(event) => set("people", event.target.checked ? "1" : "")} /> With people</label>
      ${children}
      ${number > 0 && html`<button class="button quiet" onClick=${() => onChange({})}>Clear</button>`}
    </div>
  </div>`;
}
