"use strict";

const panels = JSON.parse(document.getElementById("data").textContent);
const [from, to] = JSON.parse(document.getElementById("range").textContent);
const tip = document.getElementById("tip");
const MARGIN = { left: 58, right: 10, top: 8, bottom: 22 };
const DAY = 86400;
const SEOUL = 9 * 3600;

const seoul = (second) => new Date((second + SEOUL) * 1000).toISOString().replace("T", " ");
const time = (second) => seoul(second).slice(0, 16);
const grouped = (value, digits) => value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const colour = (place) => `var(--c${place % 8})`;
// What was bought is green and points up, what was sold is red and points down.
const MARKS = ["var(--gain)", "var(--loss)"];
const paint = (series, number) => (series.mark ? MARKS[(number + 1) % 2] : colour(number));
const node = (name, attributes = {}, text = "") => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.textContent = text;
  return made;
};
const shape = (name, attributes, text = "") => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.textContent = text;
  return made;
};

/** Write a value of a unit for a person. */
function written(value, unit) {
  if (value === null || value === undefined || value === "") {
    return "–";
  }
  if (typeof value === "string" || unit === "text") {
    return String(value);
  }
  switch (unit) {
    case "krw":
      return `${value < 0 ? "−" : ""}₩${grouped(Math.abs(value), Math.abs(value) < 100 && value % 1 !== 0 ? 2 : 0)}`;
    case "fraction":
      return `${grouped(value * 100, Math.abs(value) < 0.00095 && value !== 0 ? 3 : 2).replace("-", "−")} %`;
    case "bps":
      return `${grouped(value, 1).replace("-", "−")} bps`;
    case "count":
      return grouped(value, value % 1 === 0 ? 0 : 1);
    case "seconds":
      return duration(value);
    case "milliseconds":
      return `${grouped(value, value < 10 ? 1 : 0)} ms`;
    case "days":
      return `${grouped(value, 0)} d`;
    case "time":
      return time(value);
    default:
      return String(Number(value.toPrecision(4)));
  }
}

function duration(seconds) {
  if (seconds < 0) {
    return `−${duration(-seconds)}`;
  }
  if (seconds < 60) {
    return `${Number(seconds.toFixed(1))} s`;
  }
  const minutes = Math.round(seconds / 60);
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor((minutes % 1440) / 60)];
  return [[days, "d"], [hours, "h"], [minutes % 60, "min"]].filter(([count]) => count).slice(0, 2).map((part) => part.join(" ")).join(" ");
}

/** Write a value beside an axis, short. */
function brief(value, unit) {
  if (unit === "fraction") {
    return `${Number((value * 100).toPrecision(4))} %`;
  }
  const size = Math.abs(value);
  const [scale, suffix] = size >= 1e8 ? [1e6, "M"] : size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / scale).toPrecision(5))}${suffix}`;
}

/** Choose about four round values between two; what is counted has no halves. */
function ticks(low, high, unit) {
  const rough = Math.max((high - low) / 4, unit === "count" ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((wide) => wide >= rough);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) {
    found.push(Math.abs(value) < step * 1e-9 ? 0 : value);
  }
  return found;
}

function days(count) {
  const step = Math.max(1, Math.ceil((to - from) / DAY / count)) * DAY;
  const found = [];
  for (let second = Math.ceil((from + SEOUL) / DAY) * DAY - SEOUL; second <= to; second += step) {
    found.push(second);
  }
  return found;
}

function decoded(series) {
  let minute = 0;
  return { ...series, x: series.x.map((step) => (minute += step) * 60) };
}

/** Let values of the same time lie on one another: of each point its foot and its head. */
function stacked(series, isStacked) {
  const heads = new Map();
  return series.map((one) => ({
    ...one,
    feet: one.x.map((second, place) => {
      const foot = isStacked ? heads.get(second) ?? 0 : 0;
      heads.set(second, foot + one.y[place]);
      return foot;
    }),
  }));
}

/** Give how far apart points of a series are at the least, a day at the most. */
function shortest(series) {
  return Math.min(DAY, ...series.flatMap((one) => one.x.slice(1).map((second, place) => second - one.x[place])).filter((gap) => gap > 0));
}

function extent(panel, series) {
  const isBar = panel.kind === "bars" || panel.kind === "stacked";
  const values = series.flatMap((one) => one.y.map((value, place) => value + (isBar ? one.feet[place] : 0)));
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (isBar || panel.signed || panel.kind === "steps") {
    [low, high] = [Math.min(low, 0), Math.max(high, 0)];
  }
  const air = (high - low || Math.abs(high) || 1) * 0.06;
  return [low < 0 || !isBar ? low - (low === 0 && isBar ? 0 : air) : 0, high + air];
}

function drawChart(place, panel) {
  const series = stacked(panel.series.map(decoded), panel.kind === "stacked");
  if (series.length > 1 || panel.kind === "stacked" || panel.kind === "points") {
    const legend = node("div", { class: "legend" });
    series.forEach((one, number) => {
      const entry = node("span");
      entry.append(node("i", { style: `background:${paint(one, number)}` }), one.name);
      legend.append(entry);
    });
    place.append(legend);
  }
  const box = node("div", { class: "chart" });
  place.append(box);
  const [width, height] = [box.clientWidth, box.clientHeight];
  const [low, high] = extent(panel, series);
  const across = (second) => MARGIN.left + ((second - from) / (to - from)) * (width - MARGIN.left - MARGIN.right);
  const up = (value) => height - MARGIN.bottom - ((value - low) / (high - low)) * (height - MARGIN.top - MARGIN.bottom);
  const step = shortest(series);
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": series.map((one) => one.name).join(", ") });
  for (const value of ticks(low, high, panel.unit)) {
    svg.append(shape("line", { class: value === 0 ? "zero" : "rule", x1: MARGIN.left, x2: width - MARGIN.right, y1: up(value), y2: up(value) }));
    svg.append(shape("text", { x: MARGIN.left - 6, y: up(value) + 4, "text-anchor": "end" }, brief(value, panel.unit)));
  }
  for (const second of days(Math.max(2, Math.floor(width / 90)))) {
    svg.append(shape("text", { x: across(second), y: height - 6, "text-anchor": "middle" }, seoul(second).slice(5, 10)));
  }
  series.forEach((one, number) => svg.append(...drawn(panel, one, number, series.length, { across, up, step })));
  box.append(svg);
  follow(box, svg, panel, series, { across, height });
}

/** Draw one series as its panel's kind wants it. */
function drawn(panel, one, number, count, { across, up, step }) {
  if (one.mark) {
    const size = 6;
    const way = number % 2 ? -1 : 1;
    return one.x.map((second, place) => {
      const [x, y] = [across(second), up(one.y[place])];
      const path = `M${x} ${y + way * size}L${x - size} ${y - way * size}L${x + size} ${y - way * size}Z`;
      return shape("path", { class: "mark", d: path, fill: paint(one, number) });
    });
  }
  if (panel.kind === "points" || (one.x.length === 1 && panel.kind !== "bars" && panel.kind !== "stacked")) {
    return one.x.map((second, place) => shape("circle", { class: "mark", cx: across(second), cy: up(one.y[place]), r: 4.5, fill: colour(number) }));
  }
  if (panel.kind === "bars" || panel.kind === "stacked") {
    const whole = Math.max(1.5, (across(from + step) - across(from)) * (step < DAY ? 1 : 0.82));
    const wide = panel.kind === "stacked" ? whole : whole / count;
    const shift = panel.kind === "stacked" ? 0 : number * wide;
    return one.x.map((second, place) => {
      const [foot, head] = [up(one.feet[place]), up(one.feet[place] + one.y[place])];
      return shape("rect", { x: across(second) + shift, y: Math.min(foot, head), width: wide, height: Math.max(Math.abs(foot - head), 0.5), fill: colour(number) });
    });
  }
  const isStep = panel.kind === "steps";
  const path = one.x.map((second, place) => {
    const [x, y] = [across(second).toFixed(1), up(one.y[place]).toFixed(1)];
    return place === 0 ? `M${x} ${y}` : isStep ? `H${x}V${y}` : `L${x} ${y}`;
  }).join("");
  const ink = panel.signed ? "var(--loss)" : colour(number);
  const line = shape("path", { class: "line", d: path, stroke: ink });
  if (!(panel.signed || isStep)) {
    return [line];
  }
  const area = `${path}V${up(0)}H${across(one.x[0])}Z`;
  return [shape("path", { class: "area", d: area, fill: ink }), line];
}

/** Show beside the pointer what every series was at that time. */
function follow(box, svg, panel, series, { across, height }) {
  const cursor = shape("line", { class: "cursor", y1: MARGIN.top, y2: height - MARGIN.bottom, visibility: "hidden" });
  svg.append(cursor);
  const all = [...new Set(series.flatMap((one) => one.x))].sort((one, other) => one - other);
  const move = (event) => {
    const x = event.clientX - box.getBoundingClientRect().left;
    const second = all.reduce((best, one) => (Math.abs(across(one) - x) < Math.abs(across(best) - x) ? one : best), all[0]);
    cursor.setAttribute("x1", across(second));
    cursor.setAttribute("x2", across(second));
    cursor.setAttribute("visibility", "visible");
    tip.replaceChildren(node("b", {}, time(second)));
    for (const one of series) {
      const place = one.x.indexOf(second);
      if (place >= 0) {
        const row = node("div");
        row.append(node("span", {}, one.name), node("span", {}, written(one.y[place], panel.unit)));
        tip.append(row);
      }
    }
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${Math.max(8, event.clientY - tip.offsetHeight - 10)}px`;
  };
  box.addEventListener("pointermove", move);
  box.addEventListener("pointerdown", move);
  box.addEventListener("pointerleave", () => {
    tip.hidden = true;
    cursor.setAttribute("visibility", "hidden");
  });
}

function drawStat(place, panel) {
  const tone = panel.signed && typeof panel.value === "number" ? (panel.value < 0 ? "loss" : panel.value > 0 ? "gain" : "") : "";
  place.append(node("div", { class: `value ${tone}` }, written(panel.value, panel.unit)));
}

function drawRanking(place, panel) {
  const most = Math.max(...panel.items.map(([, count]) => count));
  const box = node("div", { class: "rank" });
  for (const [name, count] of panel.items) {
    const track = node("span");
    track.append(node("div", { class: "bar", style: `width:${(100 * count) / most}%` }));
    box.append(node("b", {}, name), track, node("span", { class: "count" }, written(count, panel.unit)));
  }
  place.append(box);
}

function drawTable(place, panel) {
  const table = node("table");
  const head = table.createTHead().insertRow();
  for (const [name, unit] of panel.columns) {
    head.append(node("th", { class: unit === "text" || unit === "time" ? "text" : "" }, name));
  }
  const body = table.createTBody();
  for (const row of panel.rows) {
    const line = body.insertRow();
    row.forEach((value, column) => {
      const unit = panel.columns[column][1];
      const text = written(value, unit);
      const classes = [unit === "text" || unit === "time" ? "text" : "", text.length > 40 ? "long" : ""];
      if (typeof value === "number" && ["Result", "Profit", "Difference"].includes(panel.columns[column][0])) {
        classes.push(value < 0 ? "loss" : "gain");
      }
      line.append(node("td", { class: classes.join(" ").trim() }, text));
    });
  }
  const wide = node("div", { class: "wide" });
  wide.append(table);
  place.append(wide);
}

function isEmpty(panel) {
  return panel.value === null || [panel.series, panel.items, panel.rows].some((list) => list !== undefined && list.length === 0);
}

function draw() {
  tip.hidden = true;
  for (const place of document.querySelectorAll("[data-panel]")) {
    const panel = panels[Number(place.dataset.panel)];
    place.replaceChildren();
    if (isEmpty(panel)) {
      place.append(node("div", { class: "empty" }, "Nothing in this time."));
    } else if (panel.kind === "stat") {
      drawStat(place, panel);
    } else if (panel.kind === "ranking") {
      drawRanking(place, panel);
    } else if (panel.kind === "table") {
      drawTable(place, panel);
    } else {
      drawChart(place, panel);
    }
  }
}

draw();
let drawnAt = innerWidth;
addEventListener("resize", () => {
  if (innerWidth !== drawnAt) {
    drawnAt = innerWidth;
    draw();
  }
});
