// What the archive costs: month to date by day and service, budget and forecast; without the function, by month alone.
import { money } from "./data/actions.js";
import { shardList } from "./data/shards.js";
import { count, month as monthName, usd } from "./format.js";
import { Failure } from "./notice.js";
import { html, useEffect, useState } from "./ui.js";

export function MoneyPage() {
  const [state, setState] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => void Promise.all([money(), shardList()]).then(([report, shards]) => setState({ report, shards }), setError), []);
  if (error) return html`<main id="main"><${Failure} error=${error} /></main>`;
  return html`<main class="text-page" id="main">
    <h1>Money</h1>
    ${!state && html`<p class="soft" role="status">Loading …</p>`}
    ${state?.report && html`<${Month} report=${state.report} />`}
    ${state && !state.report && html`<p class="soft">Budget, forecast and services are shown to those who may act on the whole archive. These are the sums of the assets’ own bills.</p>`}
    ${state && html`<${Archive} shards=${state.shards} />`}
  </main>`;
}

function Month({ report }) {
  const isOver = report.budget_usd && report.forecast_usd > report.budget_usd;
  return html`<div class="figures">
      <${Figure} name=${monthName(report.month)} value=${usd(report.usd)} note="so far" />
      ${report.forecast_usd !== undefined && html`<${Figure} name="Forecast" value=${usd(report.forecast_usd)} note=${isOver ? "above the budget" : "at the end of the month"} isBad=${isOver} />`}
      ${report.budget_usd !== undefined && html`<${Figure} name="Budget" value=${usd(report.budget_usd)} note=${`${Math.round((100 * report.usd) / report.budget_usd)} % used`} />`}
    </div>
    ${report.budget_usd > 0 && html`<div class="budget"><meter min="0" max=${report.budget_usd} high=${report.budget_usd * 0.8} value=${report.usd} aria-label="Part of the budget that is spent"></meter></div>`}
    <${Days} days=${report.days ?? []} />
    <${Bars} title="By service" rows=${[...(report.services ?? [])].sort((a, b) => b.usd - a.usd).map((row) => [row.service, row.usd])} />`;
}

const Figure = ({ name, value, note, isBad }) => html`<div class=${isBad ? "figure bad" : "figure"}>
  <span class="soft small">${name}</span><strong>${value}</strong><span class="soft small">${note}</span></div>`;

function Archive({ shards }) {
  const months = new Map();
  for (const shard of shards) {
    const sum = months.get(shard.month) ?? { usd: 0, assets: 0 };
    months.set(shard.month, { usd: sum.usd + (shard.usd ?? 0), assets: sum.assets + shard.assets });
  }
  const rows = [...months].map(([name, sum]) => [monthName(name), sum.usd, count(sum.assets, "asset")]);
  return html`<${Bars} title="Processing, by month of recording" rows=${rows} />`;
}

/** The days as columns. */
function Days({ days }) {
  const most = Math.max(...days.map((row) => row.usd), 0) || 1;
  if (!days.length) return null;
  return html`<section class="panel"><h2>By day <span class="soft small">at most ${usd(most)}</span></h2>
    <ol class="days">${days.map((row) => html`<li key=${row.day} title=${`${row.day}: ${usd(row.usd)}`}>
      <span class="days-bar" style=${{ height: `${(100 * row.usd) / most}%` }}></span><span class="visually-hidden">${row.day}: ${usd(row.usd)}</span></li>`)}</ol>
    <div class="days-ends soft small" aria-hidden="true"><span>${days[0].day}</span><span>${days.at(-1).day}</span></div></section>`;
}

/** A table whose amounts are bars as well. */
function Bars({ title, rows }) {
  const most = Math.max(...rows.map(([, value]) => value), 0) || 1;
  if (!rows.length) return null;
  return html`<section class="panel"><h2>${title}</h2>
    <table class="bars">
      <thead class="visually-hidden"><tr><th scope="col">What</th><th scope="col">Share</th><th scope="col">USD</th></tr></thead>
      <tbody>${rows.map(([name, value, note]) => html`<tr key=${name}>
        <th scope="row">${name}${note && html` <span class="soft small">${note}</span>`}</th>
        <td class="bar-cell" aria-hidden="true"><span class="bar" style=${{ width: `${(100 * value) / most}%` }}></span></td>
        <td class="num">${usd(value)}</td></tr>`)}</tbody>
    </table></section>`;
}
