// Layers as images: maps, and what is made of an interferogram.

const GREY = [168, 174, 182];  // what is not significant
const CYCLE = 2 * Math.PI;

function wrap(phase) {
  return phase - CYCLE * Math.round(phase / CYCLE);
}

function colourTable(hex, isLabels) {
  const colours = hex.match(/.{6}/g).map((six) => [0, 2, 4].map((i) => parseInt(six.slice(i, i + 2), 16)));
  return isLabels
    ? (value) => colours[(Math.round(value) - 1 + colours.length) % colours.length]
    : (value, low, high) => {
      const place = Math.floor((value - low) / (high - low) * colours.length);
      return colours[Math.max(0, Math.min(colours.length - 1, place))];
    };
}

class Layers {
  constructor(data) {
    this.data = data;
    this.maps = new Map(data.layers.map((layer) => [layer.name, layer]));
    this.ofPairs = new Map(data.pairLayers.map((layer) => [layer.name, layer]));
    this.tables = Object.fromEntries(Object.entries(data.palettes).map(
      ([name, hex]) => [name, colourTable(hex, name === "tab10")]));
    this.raster = remember((key) => this.read(key), 60);
    this.picture = remember((key) => this.paint(key), 60);
  }

  // What is known of a layer: its words, its colours and the values at their ends.
  about(name, pair) {
    if (this.maps.has(name)) return this.maps.get(name);
    const layer = this.ofPairs.get(name), shown = this.data.pairs[pair];
    return name === "unwrapped" ? { ...layer, low: shown.low, high: shown.high } : layer;
  }

  // Keys are "NAME" of a map and "NAME@PAIR" of what is made of a pair.
  key(name, pair) {
    return this.maps.has(name) ? name : `${name}@${pair}`;
  }

  async read(key) {
    const [name, pair] = key.split("@"), masks = this.data.masks;
    if (pair === undefined) return unpackRaster(this.maps.get(name), masks);
    const shown = this.data.pairs[pair];
    if (name === "wrong") return shown.wrong ? unpackRaster(shown.wrong, masks) : null;
    if (name === "unwrapped") return unpackRaster(shown, masks);
    const unwrapped = await this.raster(`unwrapped@${pair}`);
    const { rows, cols, levels, scale } = unwrapped;
    const left = name === "residual" ? await this.withoutModel(unwrapped, shown.name) : null;
    const wrapped = levels.map((level, pixel) => {
      const phase = left ? left[pixel] : level * scale;
      return level === NOTHING || Number.isNaN(phase) ? NOTHING : Math.round(wrap(phase) / scale);
    });
    return new Raster(rows, cols, wrapped, scale);
  }

  // The phase of a pair without that of its terms and its mean, which wraps around.
  async withoutModel(unwrapped, name) {
    const left = Float32Array.from(unwrapped.levels, (_, pixel) => unwrapped.value(pixel));
    const [first, second] = name.split("_").map((date) => this.data.scene.dates.indexOf(date));
    for (const term of this.data.terms) {
      const map = await unpackRaster(term, this.data.masks);
      const perUnit = term.phase[second] - term.phase[first];
      left.forEach((_, pixel) => { left[pixel] -= perUnit * map.value(pixel); });
    }
    let sine = 0, cosine = 0;
    for (const phase of left) if (!Number.isNaN(phase)) { sine += Math.sin(phase); cosine += Math.cos(phase); }
    return left.map((phase) => phase - Math.atan2(sine, cosine));
  }

  // A canvas of a layer, north up. A key with "!" greys what is below two sigmas.
  async paint(key) {
    const plain = key.replace("!", ""), [name, pair] = plain.split("@");
    const raster = await this.raster(plain), about = this.about(name, pair);
    if (!raster) return null;
    const sigma = key.endsWith("!") && about.sigma ? await this.raster(about.sigma) : null;
    const canvas = document.createElement("canvas");
    canvas.width = raster.cols;
    canvas.height = raster.rows;
    const context = canvas.getContext("2d"), image = context.createImageData(raster.cols, raster.rows);
    const table = this.tables[about.colours], [flipRows, flipCols] = this.data.scene.flip;
    for (let row = 0, pixel = 0; row < raster.rows; row++) {
      const down = flipRows ? raster.rows - 1 - row : row;
      for (let col = 0; col < raster.cols; col++, pixel++) {
        const value = raster.value(pixel);
        if (Number.isNaN(value)) continue;
        const across = flipCols ? raster.cols - 1 - col : col;
        const grey = sigma && Math.abs(value) < 2 * sigma.value(pixel);
        const colour = grey ? GREY : table(value, about.low, about.high);
        const place = 4 * (down * raster.cols + across);
        [image.data[place], image.data[place + 1], image.data[place + 2]] = colour;
        image.data[place + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }
}
