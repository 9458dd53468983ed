// Draws the attention maps of a page from the data beside them. A byte is 255 times the square root of a weight; a cell is
// as dark as that, relative to the darkest one of its map.
"use strict";
const bytes = (code) => Uint8Array.from(atob(code), (char) => char.charCodeAt(0));
const element = (parent, name, className) => {
  const child = parent.appendChild(document.createElement(name));
  child.className = className;
  return child;
};
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A map as a canvas of one pixel a cell.
const pixels = (map, columns) => {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = map.length / columns;
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(style("--c0").slice(at, at + 2), 16));
  const largest = map.reduce((one, other) => Math.max(one, other), 1);
  const image = new ImageData(canvas.width, canvas.height);
  map.forEach((byte, cell) => image.data.set([red, green, blue, (255 * byte) / largest], 4 * cell));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
};

// A large map with the tokens on its axes, and what its cells say under the pointer.
class Large {
  constructor(parent, { queries, keys }) {
    Object.assign(this, { queries, keys });
    this.title = element(parent, "p", "map-title");
    this.canvas = element(parent, "canvas", "");
    this.says = element(parent, "p", "about");
    this.canvas.onmousemove = (event) => this.point(event);
    this.canvas.onmouseleave = () => this.hint();
    this.cell = Math.max(3, Math.min(24, Math.floor(440 / Math.max(queries.length, keys.length))));
    this.hint();
  }
  hint() {
    this.says.textContent = "A line of small maps is a layer, a column a head. Rows of a map look at its columns, and each row sums up to 1. " +
      "Point at a map to enlarge it, click to keep it.";
  }
  show(map, title) {
    this.map = map;
    this.title.textContent = title;
    const { canvas, cell, queries, keys } = this;
    const context = canvas.getContext("2d");
    const size = cell < 9 ? 0 : Math.min(13, cell);
    const font = `${size}px system-ui, sans-serif`;
    context.font = font;
    const longest = (names) => Math.min(130, Math.max(...names.map((name) => context.measureText(name).width)) + 8);
    [this.left, this.top] = size ? [longest(queries), longest(keys)] : [0, 0];
    const [width, height] = [this.left + keys.length * cell + 1, this.top + queries.length * cell + 1];
    const scale = window.devicePixelRatio || 1;
    [canvas.width, canvas.height] = [width * scale, height * scale];
    [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    context.scale(scale, scale);
    context.imageSmoothingEnabled = false;
    context.drawImage(pixels(map, keys.length), this.left, this.top, keys.length * cell, queries.length * cell);
    context.strokeStyle = style("--grid");
    context.strokeRect(this.left + 0.5, this.top + 0.5, keys.length * cell, queries.length * cell);
    if (!size) return;
    [context.font, context.fillStyle, context.textBaseline] = [font, style("--text"), "middle"];
    context.textAlign = "right";
    queries.forEach((name, row) => context.fillText(name, this.left - 4, this.top + (row + 0.5) * cell, 126));
    context.textAlign = "left";
    keys.forEach((name, column) => {
      context.save();
      context.translate(this.left + (column + 0.5) * cell, this.top - 4);
      context.rotate(-Math.PI / 2);
      context.fillText(name, 0, 0, 126);
      context.restore();
    });
  }
  point({ offsetX, offsetY }) {
    const [row, column] = [offsetY - this.top, offsetX - this.left].map((at) => Math.floor(at / this.cell));
    const { queries, keys, map } = this;
    if (!(row in queries && column in keys)) return this.hint();
    const weight = (map[row * keys.length + column] / 255) ** 2;
    this.says.textContent = `\u2068${queries[row]}\u2069 looks at \u2068${keys[column]}\u2069: ${weight.toFixed(3)}`;
  }
}

const draw = (details) => {
  const data = JSON.parse(details.querySelector("script").textContent);
  const parent = element(details, "div", "maps");
  const grid = element(parent, "div", "map-grid");
  const large = new Large(element(parent, "div", "map-large"), data);
  grid.style.setProperty("--columns", data.layers[0].length + 1);
  let kept = [bytes(data.mean), "mean over all layers and heads"];
  large.show(...kept);
  grid.onmouseleave = () => large.show(...kept);
  const small = (code, title) => {
    const map = bytes(code);
    const button = element(grid, "button", "map");
    button.title = title;
    button.appendChild(pixels(map, data.keys.length));
    button.onmouseenter = button.onfocus = () => large.show(map, title);
    button.onclick = () => {
      kept = [map, title];
      grid.querySelectorAll(".kept").forEach((other) => other.classList.remove("kept"));
      button.classList.add("kept");
    };
  };
  element(grid, "span", "");
  data.layers[0].forEach((_, head) => (element(grid, "span", "").textContent = head + 1));
  element(grid, "span", "").textContent = "mean";
  data.layers.forEach((heads, layer) => {
    element(grid, "span", "").textContent = layer + 1;
    heads.forEach((code, head) => small(code, `layer ${layer + 1}, head ${head + 1}`));
    small(data.layerMeans[layer], `layer ${layer + 1}, mean over its heads`);
  });
};

for (const details of document.querySelectorAll(".attention")) {
  const drawOnce = () => details.open && !details.querySelector(".maps") && draw(details);
  details.ontoggle = drawOnce;
  drawOnce();
}
