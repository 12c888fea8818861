// A plot of a series: dots with bars of two sigmas, and the line of the model.

function roundSteps(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((each) => each * power >= rough) * power;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(tick);
  return { ticks, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function plotSeries(svg, series, dates, years, label) {
  const width = Math.max(260, svg.parentElement.clientWidth), height = 240;
  const edge = { left: 52, right: 12, top: 20, bottom: 28 };
  const bar = (date) => 2 * (series.sigma ? series.sigma[date] : 0);
  const known = series.shown.flatMap((value, date) => [value - bar(date), value + bar(date)])
    .concat(series.model || []).filter(Number.isFinite);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const add = (name, attributes, text) => {
    const element = document.createElementNS(svg.namespaceURI, name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    if (text !== undefined) element.textContent = text;
    return svg.appendChild(element);
  };
  if (!known.length) return void add("text", { x: 10, y: 30 }, "No series here.");
  let low = Math.min(...known), high = Math.max(...known);
  const spare = 0.06 * (high - low) || 1;
  [low, high] = [low - spare, high + spare];
  const last = years[years.length - 1];
  const x = (year) => edge.left + (year / last * 0.94 + 0.03) * (width - edge.left - edge.right);
  const y = (value) => height - edge.bottom - (value - low) / (high - low) * (height - edge.top - edge.bottom);
  const { ticks, decimals } = roundSteps(low, high, 7);
  for (const tick of ticks) {
    add("line", { x1: edge.left, x2: width - edge.right, y1: y(tick), y2: y(tick), class: "rule" });
    add("text", { x: edge.left - 6, y: y(tick) + 4, "text-anchor": "end" }, signed(tick, decimals));
  }
  add("text", { x: 4, y: 12 }, label);
  const shown = new Set([0, years.length - 1]);  // of which the labels have room beside each other
  years.forEach((year, date) => {
    if ([...shown].every((other) => Math.abs(x(years[other]) - x(year)) > 120)) shown.add(date);
  });
  for (const date of shown) add("text", { x: x(years[date]), y: height - 8, "text-anchor": anchor(date, years.length) }, day(dates[date]));
  if (series.model) {
    add("polyline", { class: "model", points: series.model.map((value, date) => `${x(years[date])},${y(value)}`).join(" ") });
  }
  series.shown.forEach((value, date) => {
    if (!Number.isFinite(value)) return;
    const at = x(years[date]);
    if (series.sigma) add("line", { class: "bar-of-sigma", x1: at, x2: at, y1: y(value - bar(date)), y2: y(value + bar(date)) });
    const dot = add("circle", { class: "dot", cx: at, cy: y(value), r: 3.5 });
    const title = document.createElementNS(svg.namespaceURI, "title");
    title.textContent = `${day(dates[date])}: ${signed(value, 1)}`;
    dot.append(title);
  });
}

function anchor(date, count) {
  return date === 0 ? "start" : date === count - 1 ? "end" : "middle";
}

function signed(value, decimals) {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

function day(date) {
  return `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`;
}
