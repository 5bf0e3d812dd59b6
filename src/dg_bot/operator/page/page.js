"use strict";

const charts = JSON.parse(document.getElementById("charts").textContent);
const inTime = ["price", "equity", "drawdown"];

/** Replace every "var(--name)" in a figure by the colour that the page has now. */
function coloured(value) {
  if (typeof value === "string" && value.startsWith("var(--")) {
    return getComputedStyle(document.documentElement).getPropertyValue(value.slice(4, -1)).trim();
  }
  if (Array.isArray(value)) {
    return typeof value[0] === "number" ? value : value.map(coloured);
  }
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, coloured(inner)]));
  }
  return value;
}

function layout(name, own, range) {
  const axis = { gridcolor: "var(--rule)", zerolinecolor: "var(--rule)", linecolor: "var(--rule)" };
  const along = inTime.includes(name) ? { type: "date", hoverformat: "%Y-%m-%d %H:%M" } : { type: "linear" };
  const chosen = range === undefined || !inTime.includes(name) ? {} : { range };
  return coloured({
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: "var(--text)", family: "system-ui, sans-serif", size: 12 },
    hoverlabel: { bgcolor: "var(--surface)", bordercolor: "var(--rule)", font: { color: "var(--text)" } },
    hovermode: "closest",
    margin: { l: 46, r: 12, t: 8, b: 42 },
    showlegend: name === "price" || name === "equity",
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    xaxis: { ...axis, ...along, ...own.xaxis, ...chosen },
    yaxis: { ...axis, fixedrange: true, ...own.yaxis },
  });
}

function draw(range) {
  for (const place of document.querySelectorAll("[data-chart]")) {
    const { data, layout: own } = charts[place.dataset.chart];
    Plotly.react(place, coloured(data), layout(place.dataset.chart, own, range), { responsive: true, displayModeBar: false });
  }
}

/** Let a stretch of time that is chosen on one chart show on the others. */
function showTogether() {
  const places = inTime.map((name) => document.querySelector(`[data-chart="${name}"]`));
  for (const place of places) {
    place.on("plotly_relayout", (change) => {
      const whole = change["xaxis.autorange"];
      const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (!whole && range[0] === undefined) {
        return;
      }
      for (const other of places) {
        const shown = other.layout.xaxis.range;
        const same = whole ? other.layout.xaxis.autorange : String(shown) === String(range);
        if (other !== place && !same) {
          Plotly.relayout(other, whole ? { "xaxis.autorange": true } : { "xaxis.range": range });
        }
      }
    });
  }
}

/** Sort the rows by a column: first the largest or the first letter, then the other way round. */
function sortBy(table, heading) {
  const column = heading.cellIndex;
  const cell = (row) => row.cells[column];
  const rows = Array.from(table.tBodies[0].rows);
  const isNumber = rows.length > 0 && cell(rows[0]).dataset.value !== undefined;
  const before = heading.getAttribute("aria-sort");
  const direction = before === null ? (isNumber ? "descending" : "ascending") : before === "ascending" ? "descending" : "ascending";
  const sign = direction === "ascending" ? 1 : -1;
  rows.sort((one, other) =>
    sign *
    (isNumber
      ? Number(cell(one).dataset.value) - Number(cell(other).dataset.value)
      : cell(one).textContent.localeCompare(cell(other).textContent)),
  );
  for (const each of table.tHead.rows[0].cells) {
    each.removeAttribute("aria-sort");
  }
  heading.setAttribute("aria-sort", direction);
  table.tBodies[0].append(...rows);
}

draw();
showTogether();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  draw(document.querySelector('[data-chart="price"]').layout.xaxis.range);
});
for (const table of document.querySelectorAll("#round-trips")) {
  for (const heading of table.tHead.rows[0].cells) {
    heading.firstChild.addEventListener("click", () => sortBy(table, heading));
  }
}
