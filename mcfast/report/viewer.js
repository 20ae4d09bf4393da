"use strict";
// A mammogram of up to 16 bit on a 2-D canvas: every frame resamples what is in view through a table of grey values.
// Everything works on image coordinates (x, y) whose 0, 0 is the outer corner of the first pixel.

const element = (id) => document.getElementById(id);
const result = JSON.parse(element("result").textContent);
const layers = JSON.parse(element("layers").textContent);
const canvas = element("view");
const context = canvas.getContext("2d", { alpha: false });
const white = 2 ** result.image.bits - 1;
const view = { x: 0, y: 0, scale: 1, low: 0, high: white, layer: "original", marks: true, frames: 0 };
let pending = false;

async function decode(layer) {
  const text = atob(element(layer.pixels).textContent.trim());
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const { rows, columns } = layer;
  const count = rows * columns;
  const values = new Uint16Array(count);
  // The high bytes of all differences along the rows, then the low bytes.
  for (let row = 0, i = 0; row < rows; row++) {
    let value = 0;
    for (let column = 0; column < columns; column++, i++) {
      value = (value + ((bytes[i] << 8) | bytes[count + i])) & 0xffff;
      values[i] = value;
    }
  }
  layer.levels = pyramid({ rows, columns, values });
}

function pyramid(level) {
  const levels = [level];
  while (Math.min(level.rows, level.columns) >= 64 && Math.max(level.rows, level.columns) > 256) {
    const rows = level.rows >> 1, columns = level.columns >> 1, wide = level.columns, from = level.values;
    const values = new Uint16Array(rows * columns);
    for (let row = 0, i = 0; row < rows; row++) {
      for (let column = 0, j = 2 * row * wide; column < columns; column++, i++, j += 2) {
        values[i] = (from[j] + from[j + 1] + from[j + wide] + from[j + wide + 1] + 2) >> 2;
      }
    }
    level = { rows, columns, values };
    levels.push(level);
  }
  return levels;
}

function table(low, high) {
  const greys = new Uint32Array(white + 1);
  const slope = 255 / Math.max(1, high - low);
  for (let value = 0; value <= white; value++) {
    const grey = Math.max(0, Math.min(255, Math.round((value - low) * slope)));
    greys[value] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return greys;
}

// Paint a layer into an ImageData whose upper left corner lies at image coordinates (x, y).
function paint(target, layer, x, y, scale, greys) {
  const [row0, column0, row1, column1] = layer.box;
  const factor = layer.columns / (column1 - column0);
  const depth = Math.max(0, Math.min(layer.levels.length - 1, Math.floor(Math.log2(factor / scale))));
  const { rows, columns, values } = layer.levels[depth];
  const pixels = new Uint32Array(target.data.buffer), step = factor / scale / 2 ** depth;
  const left = Math.max(0, Math.ceil((column0 - x) * scale - 0.5)), top = Math.max(0, Math.ceil((row0 - y) * scale - 0.5));
  const right = Math.min(target.width, Math.ceil((column1 - x) * scale - 0.5));
  const bottom = Math.min(target.height, Math.ceil((row1 - y) * scale - 0.5));
  const firstX = ((x - column0) * factor) / 2 ** depth, firstY = ((y - row0) * factor) / 2 ** depth;
  for (let row = top; row < bottom; row++) {
    const v = Math.max(0, Math.min(rows - 1, firstY + (row + 0.5) * step - 0.5));
    const upper = Math.floor(v), share = v - upper, line = upper * columns;
    const below = upper + 1 < rows ? columns : 0;
    for (let column = left, i = row * target.width + left; column < right; column++, i++) {
      const u = Math.max(0, Math.min(columns - 1, firstX + (column + 0.5) * step - 0.5));
      const near = Math.floor(u), part = u - near, j = line + near, next = near + 1 < columns ? 1 : 0;
      const above = values[j] + part * (values[j + next] - values[j]);
      const under = values[j + below] + part * (values[j + below + next] - values[j + below]);
      pixels[i] = greys[(above + share * (under - above) + 0.5) | 0];
    }
  }
}

function named(name) {
  return layers.filter((layer) => layer.name === name);
}

function shown() {
  if (view.layer === "probability") return named("original");
  return view.layer === "magnified" ? [...named("original"), ...named("magnified")] : named(view.layer);
}

function available(name) {
  return name === "probability" ? probability !== null : named(name).length > 0;
}

function draw() {
  pending = false;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  if (!width || !height) return;
  const target = context.createImageData(width, height);
  new Uint32Array(target.data.buffer).fill(0xff000000);
  const greys = table(view.low, view.high);
  for (const layer of shown()) paint(target, layer, view.x, view.y, view.scale, greys);
  context.putImageData(target, 0, 0);
  if (view.layer === "probability") drawMap(context, view.x, view.y, view.scale);
  if (view.marks) drawMarks(context, view.x, view.y, view.scale);
  view.frames++;
}

function drawMarks(on, x, y, scale) {
  on.lineWidth = 1.5;
  for (const one of result.calcifications) {
    on.strokeStyle = one.cluster === null ? "#ff8c5a" : "#ffd640";
    on.beginPath();
    const radius = Math.max(5, (one.diameter_mm / result.image.spacing_mm[1]) * scale);
    on.arc((one.col + 0.5 - x) * scale, (one.row + 0.5 - y) * scale, radius, 0, 2 * Math.PI);
    on.stroke();
  }
  on.strokeStyle = on.fillStyle = "#50dcff";
  on.font = "16px system-ui, sans-serif";
  for (const cluster of result.clusters) {
    on.beginPath();
    for (const [row, col] of cluster.outline) on.lineTo((col + 0.5 - x) * scale, (row + 0.5 - y) * scale);
    on.closePath();
    on.stroke();
    const top = cluster.outline.reduce((best, corner) => (corner[0] < best[0] ? corner : best));
    on.fillText(String(cluster.id), (top[1] - x) * scale + 10, (top[0] - y) * scale - 10);
  }
}

function redraw() {
  if (!pending) requestAnimationFrame(draw);
  pending = true;
}

function zoom(factor, atX, atY) {
  const scale = Math.max(0.02, Math.min(40, view.scale * factor));
  view.x += atX / view.scale - atX / scale;
  view.y += atY / view.scale - atY / scale;
  view.scale = scale;
  redraw();
}

function frame(row0, column0, row1, column1) {
  view.scale = Math.min(canvas.clientWidth / (column1 - column0), canvas.clientHeight / (row1 - row0), 40);
  view.x = (column0 + column1 - canvas.clientWidth / view.scale) / 2;
  view.y = (row0 + row1 - canvas.clientHeight / view.scale) / 2;
  redraw();
}

function fit() {
  frame(0, 0, result.image.rows, result.image.columns);
}

function around(cluster) {
  const rows = cluster.outline.map((corner) => corner[0]), columns = cluster.outline.map((corner) => corner[1]);
  const middle = [(Math.min(...rows) + Math.max(...rows)) / 2, (Math.min(...columns) + Math.max(...columns)) / 2];
  const reach = Math.max(48, 0.65 * Math.max(Math.max(...rows) - Math.min(...rows), Math.max(...columns) - Math.min(...columns)) + 12);
  return [middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach];
}

function choose(name) {
  if (!available(name)) return;
  if ((name === "probability") !== (view.layer === "probability")) {
    // Seen from afar the marks would hide the cells below them; M brings them back.
    [view.marks, view.kept] = name === "probability" ? [false, view.marks] : [view.kept, view.kept];
    element("marks").setAttribute("aria-pressed", view.marks);
  }
  view.layer = name;
  element("legend").hidden = name !== "probability";
  for (const button of element("choice").children) button.setAttribute("aria-pressed", button.dataset.layer === name);
  redraw();
}

function toggleMarks() {
  view.marks = !view.marks;
  element("marks").setAttribute("aria-pressed", view.marks);
  redraw();
}

function resetWindow() {
  [view.low, view.high] = [0, white];
  redraw();
}

function status(event) {
  const column = Math.floor(view.x + event.offsetX / view.scale), row = Math.floor(view.y + event.offsetY / view.scale);
  const value = valueAt(view.layer === "enhanced" ? "enhanced" : "original", row, column);
  const sure = view.layer === "probability" ? probabilityAt(column + 0.5, row + 0.5) : null;
  const [high, wide] = result.image.spacing_mm;
  const place = value === null ? "" : `row ${row}, column ${column} (${(row * high).toFixed(1)}, ${(column * wide).toFixed(1)} mm): ${value}${sure === null ? "" : `, probability ${sure.toFixed(2)}`}    `;
  element("status").textContent = `${place}zoom ${view.scale.toFixed(2)}, window ${Math.round(view.low)} to ${Math.round(view.high)}`;
}

function valueAt(name, row, column) {
  const { rows, columns, values } = named(name)[0].levels[0];
  return row >= 0 && row < rows && column >= 0 && column < columns ? values[row * columns + column] : null;
}
