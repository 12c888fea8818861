// Points one by one: their values, series and loops.

class Points {
  static async of(data) {
    const packed = data.points, points = new Points();
    [points.row, points.col, points.series, points.open] = await Promise.all(
      [unpackNumbers(packed.row), unpackNumbers(packed.col), unpackNumbers(packed.series), inflate(packed.openLoops)]);
    points.values = {};
    for (const [name, text] of Object.entries(packed.values)) points.values[name] = await unpackNumbers(text);
    const { unit, model, sigma, years, triangles } = packed;
    Object.assign(points, { unit, model, sigma, years, triangles });
    points.reference = points.find(...packed.reference);
    points.number = points.row.length;
    return points;
  }

  // The place in the list of the point nearest to a row and column.
  nearest(row, col, rowsPerCol) {
    let best = -1, least = Infinity;
    for (let i = 0; i < this.row.length; i++) {
      const distance = ((this.row[i] - row) * rowsPerCol) ** 2 + (this.col[i] - col) ** 2;
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  find(row, col) {
    return this.row.findIndex((each, i) => each === row && this.col[i] === col);
  }

  value(name, point) {
    return name in this.values ? this.values[name][point] : NaN;
  }

  // Displacement at every date, the model's, and standard deviations (null where not known).
  seriesOf(point) {
    const n = this.number, shown = this.years.map((_, date) => this.series[date * n + point]);
    const model = this.modelOf(point, shown);
    const residual = this.value("residual_phase_rad", point);
    const sigma = this.sigma && Number.isFinite(residual) ? this.sigma.map((each) => each * residual) : null;
    return { shown, model, sigma };
  }

  // The terms of a point minus those of the reference, plus the mean of what they leave.
  modelOf(point, shown) {
    const names = Object.keys(this.model);
    if (!names.length) return null;
    const terms = shown.map((_, date) => names.reduce((sum, name) => sum + this.model[name][date]
      * (this.value(name, point) - this.value(name, this.reference)), 0));
    const mean = shown.reduce((sum, value, date) => sum + value - terms[date], 0) / shown.length;
    return terms.map((value) => value + mean);
  }

  // A point minus another; their noise is taken for independent.
  difference(one, other) {
    const a = this.seriesOf(one), b = this.seriesOf(other);
    const minus = (x, y) => x && y && x.map((value, date) => value - y[date]);
    const sigma = a.sigma && b.sigma && a.sigma.map((value, date) => Math.hypot(value, b.sigma[date]));
    return { shown: minus(a.shown, b.shown), model: minus(a.model, b.model), sigma };
  }

  // The triangles of dates, as their indices, that do not close at a point.
  openLoops(point) {
    const width = Math.ceil(this.triangles.length / 8);
    return this.triangles.filter((_, i) => this.open[point * width + (i >> 3)] & (128 >> (i & 7)));
  }
}
