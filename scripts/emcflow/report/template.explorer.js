// The explorer: what is shown, by mouse, touch and keyboard; a link keeps it.

const FIRST = "#0f6f8c", SECOND = "#c2540a", REFERENCE = "#111827";
const STEP = 8;  // pixels of the screen that the cursor goes by an arrow key

class Explorer {
  constructor(data, layers, points) {
    Object.assign(this, { data, layers, points });
    this.view = new MapView(element("map"), data.scene);
    this.cursor = [0.5, 0.5];
    this.keyboard = false;
    this.state = { layer: data.layers[0].name, other: "", pair: 0, opacity: 1, swipe: 1, grey: false,
      tiles: false, point: -1, second: -1 };
    this.fillSelects();
    this.listen();
    this.view.resize();
    this.readLink();
  }

  // Controls

  fillSelects() {
    const groups = [["Maps", this.data.layers], ["Interferogram", this.data.pairLayers]];
    for (const id of ["layer", "other"]) {
      const select = element(id);
      if (id === "other") select.append(new Option("nothing", ""));
      for (const [name, layers] of groups) {
        const group = document.createElement("optgroup");
        group.label = name;
        group.append(...layers.map((layer) => new Option(layer.title, layer.name)));
        select.append(group);
      }
    }
    element("slider").max = this.data.pairs.length - 1;
  }

  listen() {
    const change = (id, set) => element(id).addEventListener("input", (event) => { set(event.target); this.show(); });
    change("layer", (select) => { this.state.layer = select.value; });
    change("other", (select) => this.compareWith(select.value));
    change("opacity", (range) => { this.state.opacity = Number(range.value) / 100; });
    change("swipe", (range) => { this.state.swipe = Number(range.value) / 100; });
    change("grey", (box) => { this.state.grey = box.checked; });
    change("tiles-shown", (box) => { this.state.tiles = box.checked; });
    change("slider", (range) => { this.state.pair = Number(range.value); this.wantPair(); });
    element("previous").addEventListener("click", () => this.showPair(this.state.pair - 1));
    element("next").addEventListener("click", () => this.showPair(this.state.pair + 1));
    element("nearer").addEventListener("click", () => this.zoomBy(2));
    element("farther").addEventListener("click", () => this.zoomBy(0.5));
    element("whole").addEventListener("click", () => this.zoomBy(0));
    element("pair-tile").addEventListener("click", () => this.zoomToTile());
    element("forget").addEventListener("click", () => this.forget());
    const map = this.view.canvas;
    map.addEventListener("keydown", (event) => this.press(event));
    map.addEventListener("wheel", (event) => this.roll(event), { passive: false });
    map.addEventListener("pointerleave", () => { this.keyboard || this.point(null); });
    dragged(map, this);
    document.addEventListener("keydown", (event) => this.pressAnywhere(event));
    window.addEventListener("hashchange", () => this.readLink());
    window.addEventListener("resize", () => { this.view.resize(); this.show(); });
  }

  compareWith(name) {
    this.state.other = name;
    if (name && this.state.swipe === 1 && this.state.opacity === 1) this.state.swipe = 0.5;
    if (!name) this.state.swipe = 1;
  }

  // A pair that was chosen is to be seen.
  wantPair() {
    const { layer, other } = this.state;
    if (![layer, other].some((name) => this.layers.ofPairs.has(name))) this.state.layer = "unwrapped";
  }

  showPair(number) {
    const count = this.data.pairs.length;
    this.state.pair = (number + count) % count;
    this.wantPair();
    return this.show();
  }

  zoomBy(factor) {
    this.view.zoomBy(factor || 1e-9);
    this.show();
  }

  // Show the tile with the most residues of the pair, and the pair.
  zoomToTile() {
    const [row0, col0, row1, col1] = this.data.scene.tiles[this.data.pairs[this.state.pair].tile];
    const { rows, cols } = this.data.scene, { view } = this;
    view.zoom = Math.min(view.limit, Math.max(1, 0.8 * Math.min(rows / (row1 - row0), cols / (col1 - col0))));
    [view.x, view.y] = view.toPlace((row0 + row1) / 2, (col0 + col1) / 2);
    this.state.tiles = true;
    this.wantPair();
    this.show();
  }

  roll(event) {
    if (!event.ctrlKey && document.activeElement !== this.view.canvas) return;
    event.preventDefault();
    this.view.zoomBy(2 ** (-event.deltaY / 240), event.offsetX, event.offsetY);
    this.show();
  }

  // Keys

  press(event) {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const step = event.shiftKey ? 8 * STEP : STEP;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const does = {
      "+": () => this.view.zoomBy(2, ...this.view.toScreen(...this.cursor)),
      "-": () => this.view.zoomBy(0.5),
      "0": () => this.view.zoomBy(1e-9),
      Enter: () => this.pick(...this.cursor, event.shiftKey),
      Escape: () => this.forget(),
    };
    does["="] = does["+"];
    if (moves[event.key]) this.moveCursor(...moves[event.key]);
    else if (does[event.key]) does[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.keyboard = true;
    this.point(this.cursor);
    this.show();
  }

  moveCursor(right, down) {
    const [left, top] = this.view.toScreen(...this.cursor);
    this.cursor = this.view.fromScreen(left + right, top + down).map((part) => Math.min(1, Math.max(0, part)));
    const [newLeft, newTop] = this.view.toScreen(...this.cursor);
    if (newLeft < 0 || newLeft > this.view.width) this.view.panBy(-right, 0);
    if (newTop < 0 || newTop > this.view.height) this.view.panBy(0, -down);
  }

  // Arrows go from pair to pair where they have no other use.
  pressAnywhere(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const own = event.target.closest("input, select, canvas, .scroll, pre");
    if (!step || own || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.showPair(this.state.pair + step);
  }

  // Points

  pick(x, y, second) {
    if (!this.points) return;
    const [row, col] = this.view.toRowCol(x, y), found = this.nearest(row - 0.5, col - 0.5);
    this.state[second && this.state.point >= 0 ? "second" : "point"] = found;
    this.show();
  }

  // Of the points that are in the page, the nearest on the ground.
  nearest(row, col) {
    const { rows, cols, heightToWidth } = this.data.scene;
    return this.points.nearest(row, col, heightToWidth * cols / rows);
  }

  forget() {
    if (this.state.second >= 0) this.state.second = -1;
    else this.state.point = -1;
    this.show();
  }

  // What is under the cursor, in words; null where it is not on the map.
  async point(place) {
    this.cursor = place || this.cursor;
    const [x, y] = this.cursor, [row, col] = this.view.toRowCol(x, y);
    const inside = place && x >= 0 && y >= 0 && x < 1 && y < 1;
    element("readout").textContent = inside ? await this.wordsAt(row, col) : "";
  }

  async wordsAt(row, col) {
    const { rows, cols } = this.data.scene, { layer, other, pair } = this.state;
    const parts = [`row ${Math.floor(row)}, column ${Math.floor(col)}`, degreesAt(this.data.scene, row, col)];
    for (const name of new Set([layer, other])) {
      if (!name) continue;
      const about = this.layers.about(name, pair), raster = await this.layers.raster(this.layers.key(name, pair));
      const value = raster ? raster.at(row / rows, col / cols) : NaN;
      parts.push(`${about.title}: ${Number.isNaN(value) ? "none" : withUnit(value, about.unit)}`);
    }
    return parts.filter(Boolean).join(" · ");
  }

  // Show the state

  async show() {
    const { state } = this;
    this.writeLink();
    this.showControls();
    showPoint(this);
    const key = (name) => name && this.layers.key(name, state.pair) + (state.grey ? "!" : "");
    const wanted = [state.layer, state.other].map(key).join();
    this.wanted = wanted;
    const [top, below] = await Promise.all(
      [state.layer, state.other].map((name) => name ? this.layers.picture(key(name)) : null));
    if (this.wanted !== wanted) return;  // another one was asked for meanwhile
    const pictures = [{ picture: below, opacity: 1, from: 0, to: 1 },
      { picture: top, opacity: state.opacity, from: 0, to: state.swipe }];
    if (below) pictures[0].from = state.opacity < 1 ? 0 : state.swipe;
    this.view.draw(pictures, this.marks());
  }

  marks() {
    const { state, points } = this, marks = [];
    if (state.tiles) this.data.scene.tiles.forEach((bounds, i) => marks.push(outline(bounds, String(i).padStart(2, "0"))));
    if (state.other && state.swipe > 0 && state.swipe < 1) marks.push(upright(state.swipe));
    if (points) {
      const at = (place) => [points.row[place], points.col[place]];
      marks.push(square(...at(points.reference), REFERENCE, "reference"));
      if (state.point >= 0) marks.push(ring(...at(state.point), FIRST, "1"));
      if (state.second >= 0) marks.push(ring(...at(state.second), SECOND, "2"));
    }
    if (this.keyboard) marks.push(cross(...this.cursor));
    return marks;
  }

  showControls() {
    const { state, layers } = this, about = layers.about(state.layer, state.pair);
    const pair = this.data.pairs[state.pair];
    element("layer").value = state.layer;
    element("other").value = state.other;
    element("opacity").value = 100 * state.opacity;
    element("swipe").value = 100 * state.swipe;
    for (const id of ["opacity", "swipe"]) element(id).disabled = !state.other;
    element("grey").checked = state.grey;
    element("grey").disabled = !about.sigma;
    element("tiles-shown").checked = state.tiles;
    element("slider").value = state.pair;
    element("slider").setAttribute("aria-valuetext", pair.title);
    element("pair-title").textContent = pair.title;
    element("pair-facts").textContent = pair.facts;
    element("pair-triangle").textContent = pair.triangle;
    element("pair-tile").hidden = pair.tile === null;
    element("pair-tile").textContent = `Most residues in tile ${pair.tile}`;
    this.showLegend("legend", about);
    const other = state.other && layers.about(state.other, state.pair);
    element("other-legend").hidden = !other;
    if (other) this.showLegend("other-legend", other);
    this.view.canvas.style.touchAction = this.view.zoom > 1 ? "none" : "pan-y";
    this.view.canvas.setAttribute("aria-label", `Map of ${about.title}. Arrow keys move the cursor, Enter shows the point, `
      + "Shift and Enter a second one, plus and minus zoom, 0 shows the whole scene.");
    document.dispatchEvent(new CustomEvent("pair-shown", { detail: state.pair }));
  }

  showLegend(id, about) {
    const [low, bar, high, words] = element(id).children;
    const colours = this.data.palettes[about.colours].match(/.{6}/g).map((six) => `#${six}`);
    low.textContent = about.low === undefined ? "" : rounded(about.low);
    high.textContent = about.high === undefined ? "" : withUnit(about.high, about.unit);
    bar.style.background = `linear-gradient(to right, ${colours.join(",")})`;
    const title = `${about.title}${about.sign ? `, ${about.sign}` : ""}.`;
    words.textContent = [title, about.zero, about.meaning].filter(Boolean).join(" ");
  }

  // The link

  writeLink() {
    const { state, view, points } = this, keep = new URLSearchParams();
    const put = (key, value, usual) => { if (value !== usual) keep.set(key, value); };
    put("layer", state.layer, this.data.layers[0].name);
    put("with", state.other, "");
    put("pair", this.data.pairs[state.pair].name, this.data.pairs[0].name);
    put("opacity", state.opacity, 1);
    put("swipe", state.swipe, 1);
    if (state.grey) keep.set("grey", 1);
    if (view.zoom > 1) ["x", "y", "zoom"].forEach((key) => keep.set(key, view[key].toPrecision(5)));
    for (const key of ["point", "second"]) {
      if (state[key] >= 0) keep.set(key, `${points.row[state[key]]},${points.col[state[key]]}`);
    }
    const text = keep.toString().replaceAll("%2C", ",");
    const hash = text ? `#see&${text}` : "";
    if (hash || location.hash.startsWith("#see")) history.replaceState(null, "", hash || "#see");
  }

  readLink() {
    const { state, view, points } = this;
    if (location.hash.startsWith("#see")) {
      const kept = new URLSearchParams(location.hash.slice(5));
      const known = (name) => this.layers.maps.has(name) || this.layers.ofPairs.has(name);
      state.layer = known(kept.get("layer")) ? kept.get("layer") : this.data.layers[0].name;
      state.other = known(kept.get("with")) ? kept.get("with") : "";
      state.pair = Math.max(0, this.data.pairs.findIndex((pair) => pair.name === kept.get("pair")));
      for (const key of ["opacity", "swipe"]) state[key] = part(kept.get(key), 1);
      state.grey = kept.has("grey");
      view.x = part(kept.get("x"), 0.5);
      view.y = part(kept.get("y"), 0.5);
      view.zoom = Math.min(view.limit, Math.max(1, Number(kept.get("zoom")) || 1));
      for (const key of ["point", "second"]) {
        state[key] = points && kept.has(key) ? this.nearest(...kept.get(key).split(",").map(Number)) : -1;
      }
    }
    return this.show();
  }
}

// A number from 0 to 1 of a link.
function part(text, usual) {
  const value = text === null ? NaN : Number(text);
  return value >= 0 && value <= 1 ? value : usual;
}

// Drag, pinch and click on the map.
function dragged(canvas, explorer) {
  const held = new Map();
  let moved = 0;
  const place = (event) => explorer.view.fromScreen(event.offsetX, event.offsetY);
  canvas.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, [event.offsetX, event.offsetY]);
    moved = held.size > 1 ? Infinity : 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    explorer.keyboard = false;
    const before = held.get(event.pointerId);
    if (before) {
      const [right, down] = [event.offsetX - before[0], event.offsetY - before[1]];
      const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      if (others.length) {
        const far = (at) => Math.hypot(at[0] - others[0][0], at[1] - others[0][1]) || 1;
        explorer.view.zoomBy(far([event.offsetX, event.offsetY]) / far(before), ...others[0]);
      } else if ((moved += Math.abs(right) + Math.abs(down)) > 5) {
        explorer.view.panBy(right, down);
      }
      held.set(event.pointerId, [event.offsetX, event.offsetY]);
      explorer.show();
    }
    explorer.point(place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (held.delete(event.pointerId) && moved <= 5) explorer.pick(...place(event), event.shiftKey || element("pin").checked);
  });
  canvas.addEventListener("pointercancel", (event) => held.delete(event.pointerId));
}

// Numbers

function rounded(value) {
  const size = Math.abs(value);
  return signed(value, size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2);
}

function withUnit(value, unit) {
  return unit === "label" ? `${Math.round(value)}` : `${rounded(value)}\u00a0${unit}`;
}

// Longitude and latitude between the nodes at which they are known.
function degreesAt(scene, row, col) {
  const mesh = scene.degrees;
  if (!mesh) return "";
  const last = mesh.nodes - 1, down = row / scene.rows * last, across = col / scene.cols * last;
  const i = Math.min(last - 1, Math.max(0, Math.floor(down))), j = Math.min(last - 1, Math.max(0, Math.floor(across)));
  const between = (values) => {
    const [a, b] = [i, i + 1].map((k) => values[k * mesh.nodes + j] * (1 - across + j) + values[k * mesh.nodes + j + 1] * (across - j));
    return signed(a * (1 - down + i) + b * (down - i), 6);
  };
  return `${between(mesh.lon)}°, ${between(mesh.lat)}° (lon, lat)`;
}
