// The system dashboard: draws the charts, and lets the reader stop the refreshing.

const language = document.documentElement.lang;
const timeZone = document.documentElement.dataset.timezone;
const COLOURS = 8;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]]; // beyond the colours there are as many dashes
const SHOWN = 12; // lines that are shown before the reader asks for more
const DAY = 86_400;
const drawn = new Map(); // by the id of the figure

// Colours: a canvas takes no variables, so an element is asked what they are just now.

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

function colour(variable, alpha = 1) {
  probe.style.color = alpha === 1 ? `var(${variable})` : `color-mix(in srgb, var(${variable}) ${alpha * 100}%, transparent)`;
  return getComputedStyle(probe).color;
}

// Numbers and times as the reader writes them

const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const withUnit = (value, unit) => (unit === "%" ? `${number.format(value)}%` : `${number.format(value)} ${unit}`);

function timeFormat(options) {
  try {
    return new Intl.DateTimeFormat(language, { ...options, timeZone });
  } catch { // a time zone that is newer than the browser
    return new Intl.DateTimeFormat(language, options);
  }
}

const dayFormat = timeFormat({ month: "short", day: "numeric" });
const minuteFormat = timeFormat({ hour: "numeric", minute: "2-digit" });
const secondFormat = timeFormat({ hour: "numeric", minute: "2-digit", second: "2-digit" });
const fullFormat = timeFormat({ month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

function tickText(seconds) {
  const { span } = document.getElementById("system").dataset;
  const moment = new Date(seconds * 1000);
  if (span > DAY) return dayFormat.format(moment);
  return (span <= 300 ? secondFormat : minuteFormat).format(moment);
}

function momentText(seconds) {
  const { step } = document.getElementById("system").dataset;
  const moment = new Date(seconds * 1000);
  if (step >= DAY) return dayFormat.format(moment);
  return (step < 60 ? secondFormat : fullFormat).format(moment);
}

// Charts

function dataOf(chart) {
  return [chart.x, ...(chart.band ?? []), ...chart.lines.map((line) => line.values)];
}

function sizeOf(place) {
  return { width: place.clientWidth, height: parseInt(getComputedStyle(place).getPropertyValue("--chart-height")) };
}

// Only values without a neighbour need a point: no line shows them.
function loneOnes(plot, series) {
  const values = plot.data[series];
  return values.flatMap((value, index) =>
    value != null && values[index - 1] == null && values[index + 1] == null ? [index] : []);
}

function optionsFor(chart, place) {
  const many = chart.lines.length > 1;
  const axis = { stroke: () => colour("--text-muted"), font: "11px Inter, system-ui, sans-serif" };
  const quiet = { label: "", stroke: null, points: { show: false } };
  const lines = chart.lines.map((line, index) => ({
    label: line.label,
    stroke: () => colour(`--series-${line.colour % COLOURS}`),
    width: 1.75,
    dash: DASHES[Math.floor(line.colour / COLOURS) % DASHES.length],
    fill: many || chart.band ? undefined : () => colour(`--series-${line.colour % COLOURS}`, 0.12),
    show: index < SHOWN,
    // Not every service is looked at as often as there are points.
    spanGaps: many && document.getElementById("system").dataset.span <= 300,
    points: { filter: loneOnes },
  }));
  return {
    ...sizeOf(place),
    legend: { show: false },
    padding: [8, 28, 0, 0], // room for half of the last time
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 }, focus: { prox: many ? 24 : -1 } },
    focus: { alpha: 0.25 },
    scales: {
      x: { time: true },
      y: { range: (_plot, _low, high) => [0, chart.ceiling ?? Math.max(high * 1.1, 1)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map(tickText), space: 70, grid: { show: false }, ticks: { show: false }, size: 26 },
      {
        ...axis,
        values: (_plot, splits) => splits.map((value) => (value == null ? "" : withUnit(value, chart.unit))),
        grid: { stroke: () => colour("--border"), width: 1 },
        ticks: { show: false },
        size: 58,
        space: 28,
      },
    ],
    series: [
      {},
      ...(chart.band ? [{ ...quiet }, { ...quiet }] : []),
      ...lines,
    ],
    bands: chart.band
      ? [{ series: [2, 1], fill: () => colour(`--series-${chart.lines[0].colour % COLOURS}`, 0.18) }]
      : [],
    plugins: [readout(chart)],
  };
}

// The figures under the pointer, beside the chart's upper edge: of several lines, the nearest's.
function readout(chart) {
  const box = document.createElement("p");
  box.className = "chart-readout";
  box.hidden = true;
  let nearest = null;

  function show(plot) {
    const { idx } = plot.cursor;
    const now = drawn.get(plot.root.closest("[data-chart]")?.id)?.chart ?? chart;
    const line = now.lines.length > 1 ? now.lines[nearest - 1] : now.lines[0];
    const value = idx == null ? null : line?.values[idx];
    box.hidden = value == null;
    if (box.hidden) return;
    const [low, high] = (now.band ?? []).map((values) => values[idx]);
    const name = now.lines.length > 1 ? `${line.label}, ` : "";
    const between = now.band && low !== high ? ` (${number.format(low)}–${withUnit(high, now.unit)})` : "";
    box.textContent = `${name}${momentText(now.x[idx])}: ${withUnit(value, now.unit)}${between}`;
  }

  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: show,
      setSeries: (plot, index) => {
        nearest = index;
        show(plot);
      },
    },
  };
}

// Which lines are shown, by buttons for the pointer and the keyboard.
function legend(figure, plot, chart) {
  const place = figure.querySelector(".chart-legend");
  if (!place) return;
  place.replaceChildren(...chart.lines.map((line, index) => {
    const entry = document.createElement("button");
    entry.type = "button";
    entry.className = `series-${line.colour % COLOURS}`;
    entry.textContent = line.label;
    entry.setAttribute("aria-pressed", String(index < SHOWN));
    entry.addEventListener("click", () => {
      const shown = entry.getAttribute("aria-pressed") !== "true";
      entry.setAttribute("aria-pressed", String(shown));
      plot.setSeries(index + 1, { show: shown });
    });
    return entry;
  }));
}

function shapeOf(chart) {
  return JSON.stringify([chart.unit, Boolean(chart.band), chart.lines.map((line) => line.label)]);
}

function draw(figure) {
  const text = figure.dataset.chart;
  const before = drawn.get(figure.id);
  if (before?.text === text && before.plot.root.isConnected) return;
  const chart = JSON.parse(text);
  const shape = shapeOf(chart);
  if (before && before.shape === shape && before.plot.root.isConnected) {
    drawn.set(figure.id, { ...before, text, chart });
    before.plot.setData(dataOf(chart));
    return;
  }
  before?.plot.destroy();
  const place = figure.querySelector(".chart-plot");
  const plot = new uPlot(optionsFor(chart, place), dataOf(chart), place);
  drawn.set(figure.id, { plot, chart, shape, text });
  legend(figure, plot, chart);
}

function drawAll() {
  for (const figure of document.querySelectorAll("[data-chart]")) draw(figure);
}

function resizeAll() {
  for (const { plot } of drawn.values()) {
    const place = plot.root.parentElement;
    if (place) plot.setSize(sizeOf(place));
  }
}

function redrawAll() {
  for (const { plot } of drawn.values()) plot.redraw(false);
}

// Refreshing: stopped by the reader, or while nobody sees the page.

const button = document.getElementById("refresh-state");
let stopped = false;

function showState() {
  const paused = stopped || document.hidden;
  button.dataset.state = paused ? "paused" : "live";
  button.setAttribute("aria-pressed", String(stopped));
  button.querySelector("span").textContent = paused ? button.dataset.whenPaused : button.dataset.whenLive;
}

button.addEventListener("click", () => {
  stopped = !stopped;
  showState();
  const region = document.getElementById("system");
  if (!stopped) htmx.trigger(region, "refresh");
});

document.addEventListener("htmx:before:request", (event) => {
  if (stopped && event.detail.ctx.sourceElement.id === "system") event.preventDefault();
});

document.addEventListener("htmx:after:swap", drawAll);
document.addEventListener("visibilitychange", showState);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});

new ResizeObserver(resizeAll).observe(document.getElementById("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
new MutationObserver(redrawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
showState();
drawAll();
