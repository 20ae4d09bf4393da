// The probability map: cells of one colour, the denser the more probable, over the mammogram.

const MAP_COLOUR = [255, 43, 214], MAP_OPACITY = 0.8;
const probability = JSON.parse(element("probability").textContent);
if (probability) probability.cells = Uint8Array.from(atob(probability.cells), (one) => one.charCodeAt(0));

// Of the cell at image coordinates (x, y); null where it has none.
function probabilityAt(x, y) {
  if (!probability) return null;
  const row = Math.floor(y / probability.pixels[0]), column = Math.floor(x / probability.pixels[1]);
  if (row < 0 || row >= probability.rows || column < 0 || column >= probability.columns) return null;
  const value = probability.cells[row * probability.columns + column];
  return value ? (value - 1) / 254 : null;
}

function drawMap(on, x, y, scale) {
  const [high, wide] = probability.pixels;
  on.fillStyle = `rgb(${MAP_COLOUR})`;
  const first = Math.max(0, Math.floor(y / high)), last = Math.min(probability.rows - 1, Math.floor((y + on.canvas.height / scale) / high));
  for (let row = first; row <= last; row++) {
    for (let column = 0; column < probability.columns; column++) {
      const value = probability.cells[row * probability.columns + column];
      if (value < 4) continue; // below 0.01 there would be nothing to see
      on.globalAlpha = (MAP_OPACITY * (value - 1)) / 254;
      on.fillRect((column * wide - x) * scale, (row * high - y) * scale, wide * scale, high * scale);
    }
  }
  on.globalAlpha = 1;
}
