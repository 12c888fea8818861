// The map: which part of the scene is seen, and how it is drawn.

class MapView {
  constructor(canvas, scene) {
    Object.assign(this, { canvas, scene, x: 0.5, y: 0.5, zoom: 1 });
    this.limit = Math.max(8, Math.max(scene.rows, scene.cols) / 20);
  }

  // Fit the canvas to its place on the page.
  resize() {
    const width = this.canvas.parentElement.clientWidth, ratio = window.devicePixelRatio || 1;
    const height = Math.min(Math.max(width * this.scene.heightToWidth, 200), 0.75 * window.innerHeight + 100, 640);
    this.canvas.style.height = `${height}px`;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    Object.assign(this, { width, height, ratio });
  }

  // Width and height of the whole scene on the screen.
  get size() {
    const width = Math.min(this.width, this.height / this.scene.heightToWidth) * this.zoom;
    return [width, width * this.scene.heightToWidth];
  }

  // From parts of the scene as it is drawn to pixels of the screen, and back.
  toScreen(x, y) {
    const [width, height] = this.size;
    return [this.width / 2 + (x - this.x) * width, this.height / 2 + (y - this.y) * height];
  }

  fromScreen(left, top) {
    const [width, height] = this.size;
    return [this.x + (left - this.width / 2) / width, this.y + (top - this.height / 2) / height];
  }

  // From rows and columns of the input to parts of the scene as it is drawn, and back.
  toPlace(row, col) {
    const { rows, cols, flip } = this.scene, down = row / rows, across = col / cols;
    return [flip[1] ? 1 - across : across, flip[0] ? 1 - down : down];
  }

  toRowCol(x, y) {
    const { rows, cols, flip } = this.scene;
    return [(flip[0] ? 1 - y : y) * rows, (flip[1] ? 1 - x : x) * cols];
  }

  zoomBy(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.fromScreen(left, top);
    this.zoom = Math.min(this.limit, Math.max(1, this.zoom * factor));
    const [newLeft, newTop] = this.toScreen(x, y);
    this.panBy(left - newLeft, top - newTop);
  }

  panBy(right, down) {
    const [width, height] = this.size;
    this.x = Math.min(1, Math.max(0, this.x - right / width));
    this.y = Math.min(1, Math.max(0, this.y - down / height));
    if (this.zoom === 1) this.x = this.y = 0.5;
  }

  // Draw pictures one over the other: [{ picture, opacity, from, to }] in parts of the width.
  draw(pictures, marks) {
    const context = this.canvas.getContext("2d"), [width, height] = this.size;
    const [left, top] = this.toScreen(0, 0);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    context.imageSmoothingEnabled = false;
    for (const { picture, opacity, from, to } of pictures) {
      if (!picture) continue;
      context.save();
      context.beginPath();
      context.rect(from * this.width, 0, (to - from) * this.width, this.height);
      context.clip();
      context.globalAlpha = opacity;
      context.drawImage(picture, left, top, width, height);
      context.restore();
    }
    for (const mark of marks) mark(context, this);
  }
}

// What is drawn over the map

function outlined(context, colour, draw) {
  for (const [style, width] of [["#fff", 4.5], [colour, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    draw();
    context.stroke();
  }
}

function ring(row, col, colour, text) {
  return (context, view) => {
    const [left, top] = view.toScreen(...view.toPlace(row + 0.5, col + 0.5));
    outlined(context, colour, () => context.arc(left, top, 8, 0, 2 * Math.PI));
    label(context, text, left + 12, top - 8, colour);
  };
}

function square(row, col, colour, text) {
  return (context, view) => {
    const [left, top] = view.toScreen(...view.toPlace(row + 0.5, col + 0.5));
    outlined(context, colour, () => context.rect(left - 6, top - 6, 12, 12));
    label(context, text, left + 10, top - 8, colour);
  };
}

function cross(x, y) {
  return (context, view) => {
    const [left, top] = view.toScreen(x, y);
    outlined(context, "#111827", () => {
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(left + 3 * dx, top + 3 * dy);
        context.lineTo(left + 12 * dx, top + 12 * dy);
      }
    });
  };
}

function upright(part) {
  return (context, view) => outlined(context, "#111827", () => {
    context.moveTo(part * view.width, 0);
    context.lineTo(part * view.width, view.height);
  });
}

function outline([row0, col0, row1, col1], text) {
  return (context, view) => {
    const [left, top] = view.toScreen(...view.toPlace(row0, col0));
    const [right, bottom] = view.toScreen(...view.toPlace(row1, col1));
    outlined(context, "#c2540a", () => context.rect(left, top, right - left, bottom - top));
    label(context, text, (left + right) / 2 - 8, (top + bottom) / 2, "#c2540a");
  };
}

function label(context, text, left, top, colour) {
  context.font = "600 13px system-ui, sans-serif";
  context.lineWidth = 4;
  context.strokeStyle = "#fff";
  context.strokeText(text, left, top);
  context.fillStyle = colour;
  context.fillText(text, left, top);
}
