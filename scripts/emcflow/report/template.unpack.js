// Arrays of the page: what packing.py has packed.

const NOTHING = -32768;  // the level of a pixel without a value

async function inflate(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackNumbers(text) {
  return new Float32Array((await inflate(text)).buffer);
}

// Keep what a function of one argument returns for the arguments that came last.
function remember(make, most) {
  const kept = new Map();
  return (key) => {
    const value = kept.has(key) ? kept.get(key) : make(key);
    kept.delete(key);
    kept.set(key, value);
    if (kept.size > most) kept.delete(kept.keys().next().value);
    return value;
  };
}

// An image of levels; a value is a level times the scale.
class Raster {
  constructor(rows, cols, levels, scale) {
    Object.assign(this, { rows, cols, levels, scale });
  }

  // The value at a place of the scene, given in parts of its height and width; NaN for none.
  at(down, across) {
    const row = Math.floor(down * this.rows), col = Math.floor(across * this.cols);
    if (row < 0 || col < 0 || row >= this.rows || col >= this.cols) return NaN;
    return this.value(row * this.cols + col);
  }

  value(pixel) {
    const level = this.levels[pixel];
    return level === NOTHING ? NaN : level * this.scale;
  }
}

async function unpackRaster(packed, masks) {
  const { rows, cols, data } = masks[packed.mask];
  const [bits, halves] = await Promise.all([inflate(data), inflate(packed.data)]);
  const count = halves.length / 2, levels = new Int16Array(rows * cols).fill(NOTHING);
  let level = 0, next = 0;
  for (let pixel = 0; pixel < levels.length; pixel++) {
    if (!(bits[pixel >> 3] & (128 >> (pixel & 7)))) continue;
    const step = halves[next] + 256 * halves[next + count];
    level = (level + ((step >> 1) ^ -(step & 1))) << 16 >> 16;
    levels[pixel] = level;
    next += 1;
  }
  return new Raster(rows, cols, levels, packed.scale);
}
