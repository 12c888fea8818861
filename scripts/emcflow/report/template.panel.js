// What is shown of the points that were clicked.

const SHOWN_LOOPS = 12;
const UNITLESS = ["label", "coherence"];

function showPoint(explorer) {
  const { points, state, data } = explorer;
  const chosen = points && state.point >= 0;
  element("point").hidden = !chosen;
  element("no-point").hidden = Boolean(chosen);
  if (!chosen) return;
  const two = state.second >= 0;
  element("point-title").textContent = two ? "Point 1 minus point 2" : "Point 1";
  const columns = two ? [state.point, state.second] : [state.point];
  fillFacts(element("point-facts"), explorer, columns);
  const series = two ? points.difference(state.point, state.second) : points.seriesOf(state.point);
  const relative = two ? "difference" : "displacement";
  plotSeries(element("plot"), series, data.scene.dates, points.years, `${relative} [${points.unit}]`);
  fillSeries(element("series"), series, data.scene.dates);
}

// A row for every value, a column for every point, and their difference where there is one.
function fillFacts(table, explorer, columns) {
  const { points, data } = explorer, rows = [];
  const two = columns.length > 1;
  const add = (title, texts) => rows.push([title, ...texts, ...(two && texts.length === 2 ? [""] : [])]);
  add("Row, column", columns.map((i) => `${points.row[i]}, ${points.col[i]}`));
  const degrees = columns.map((i) => degreesAt(data.scene, points.row[i] + 0.5, points.col[i] + 0.5));
  if (degrees[0]) add("Longitude, latitude", degrees.map((text) => text.replace(" (lon, lat)", "")));
  for (const layer of explorer.data.layers) {
    if (!(layer.name in points.values) || layer.name.match(/sigma|open_loops/)) continue;
    const title = UNITLESS.includes(layer.unit) ? layer.title : `${layer.title} [${layer.unit}]`;
    add(title, valuesOf(points, layer, columns));
  }
  add("Loops that do not close", columns.map((i) => loopsOf(explorer, i)));
  table.replaceChildren(...rows.map((cells) => rowOf(cells, "td")));
  if (two) table.prepend(rowOf(["", "1", "2", "1 − 2"], "th"));
}

function valuesOf(points, layer, columns) {
  const values = columns.map((i) => points.value(layer.name, i));
  const sigmas = columns.map((i) => layer.sigma ? points.value(layer.sigma, i) : NaN);
  if (columns.length > 1 && layer.unit !== "label") {
    values.push(values[0] - values[1]);
    sigmas.push(Math.hypot(...sigmas));
  }
  return values.map((value, i) => Number.isNaN(value) ? "–"
    : Number.isNaN(sigmas[i]) ? rounded(value)
      : `${signed(value, 2)} ±\u00a0${signed(sigmas[i], 2)}`);
}

function loopsOf(explorer, point) {
  const { points, data } = explorer, open = points.openLoops(point);
  if (!open.length) return `none of ${points.triangles.length}`;
  const named = open.slice(0, SHOWN_LOOPS).map((dates) => dates.map((date) => day(data.scene.dates[date])).join(", "));
  return `${open.length} of ${points.triangles.length}: ${named.join("; ")}${open.length > SHOWN_LOOPS ? "; …" : ""}`;
}

function rowOf([title, ...texts], tag) {
  const row = document.createElement("tr"), first = document.createElement("th");
  first.scope = "row";
  first.textContent = title;
  row.append(first, ...texts.map((text) => {
    const cell = document.createElement(tag);
    cell.textContent = text;
    return cell;
  }));
  return row;
}

function fillSeries(body, series, dates) {
  body.replaceChildren(...dates.map((date, i) => rowOf([day(date), ...[series.shown, series.model, series.sigma]
    .map((values) => values && Number.isFinite(values[i]) ? signed(values[i], 3) : "–")], "td")));
}
