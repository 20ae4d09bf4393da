// What the page says beside the picture, and what the mouse and the keys do.

const LAYERS = ["original", "enhanced", "magnified", "probability"];

function add(parent, kind, text, className) {
  const child = document.createElement(kind);
  if (text !== undefined) child.textContent = text;
  if (className) child.className = className;
  parent.append(child);
  return child;
}

function fill(tableElement, rows) {
  for (const cells of rows) {
    const line = add(tableElement, "tr");
    for (const cell of cells) add(line, "td", cell);
  }
}

function findingsTable(parent, findings) {
  const list = add(parent, "table");
  const head = add(list, "tr");
  for (const title of ["row, column", "mm", "contrast/noise", "score"]) add(head, "th", title);
  fill(list, findings.map((one) => [
    `${Math.round(one.row)}, ${Math.round(one.col)}`, one.diameter_mm.toFixed(2), one.contrast_to_noise.toFixed(1), one.score.toFixed(2),
  ]));
}

function crop(cluster, on) {
  const [row0, column0, row1] = around(cluster), side = on.width, scale = side / (row1 - row0);
  const target = new ImageData(side, side), layer = named("original")[0];
  new Uint32Array(target.data.buffer).fill(0xff000000);
  const { rows, columns, values } = layer.levels[0], inside = [];
  for (let row = Math.max(0, Math.floor(row0)); row < Math.min(rows, row1); row++) {
    for (let column = Math.max(0, Math.floor(column0)); column < Math.min(columns, column0 + side / scale); column++) {
      inside.push(values[row * columns + column]);
    }
  }
  inside.sort((a, b) => a - b);
  const quantile = (share) => inside[Math.min(inside.length - 1, Math.floor(share * inside.length))] || 0;
  paint(target, layer, column0, row0, scale, table(quantile(0.01), quantile(0.999)));
  const brush = on.getContext("2d");
  brush.putImageData(target, 0, 0);
  drawMarks(brush, column0, row0, scale);
}

function page() {
  element("name").textContent = result.source.name;
  const side = [result.image.laterality, result.image.view].filter(Boolean).join(" ") || "unknown view";
  element("summary").textContent = `${side}: ${result.calcifications.length} calcifications, ${result.clusters.length} clusters, image score ${result.score.toFixed(3)}`;
  for (const cluster of result.clusters) {
    const card = add(element("clusters"), "div", undefined, "cluster");
    card.tabIndex = 0;
    const picture = add(card, "canvas");
    picture.width = picture.height = 340;
    crop(cluster, picture);
    add(card, "div", `${cluster.id}: ${cluster.count} calcifications, score ${cluster.score.toFixed(2)}, ${cluster.area_mm2.toFixed(1)} mm²`);
    add(card, "div", cluster.description, "words");
    const more = add(card, "details");
    add(more, "summary", "its calcifications");
    findingsTable(more, result.calcifications.filter((one) => one.cluster === cluster.id));
    more.addEventListener("click", (event) => event.stopPropagation());
    card.addEventListener("click", () => frame(...around(cluster)));
    card.addEventListener("keydown", (event) => event.key === "Enter" && frame(...around(cluster)));
  }
  if (!result.clusters.length) element("clusters").textContent = "none";
  const singles = result.calcifications.filter((one) => one.cluster === null);
  if (singles.length) findingsTable(element("singles"), singles);
  else element("singles").textContent = "none";
  for (const flag of result.image.flags) add(element("flags"), "span", flag.replaceAll("_", " "), "flag");
  if (!result.image.flags.length) element("flags").textContent = "nothing against it";
  fill(element("stages"), Object.entries(result.seconds).map(([stage, seconds]) => [stage, `${(1000 * seconds).toFixed(1)} ms`]));
  const { version, cpu_level: level, runtime, configuration_hash: hash } = result.engine;
  fill(element("made"), [["mcfast", version], ["processor", level], ["runtime", runtime], ["configuration", hash]]);
}

function listen() {
  let last = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(2 ** (-event.deltaY / 300), event.offsetX, event.offsetY);
    status(event);
  }, { passive: false });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    last = { x: event.clientX, y: event.clientY, windows: event.shiftKey || event.button === 2 };
  });
  window.addEventListener("pointerup", () => { last = null; });
  canvas.addEventListener("pointermove", (event) => {
    if (last) drag(event, last);
    status(event);
  });
  canvas.addEventListener("dblclick", fit);
  window.addEventListener("resize", redraw);
  const keys = { f: fit, m: toggleMarks, w: resetWindow, a: () => zoom(1 / view.scale, canvas.clientWidth / 2, canvas.clientHeight / 2) };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (keys[event.key]) keys[event.key]();
    if (LAYERS[event.key - 1]) choose(LAYERS[event.key - 1]);
  });
  for (const [id, key] of [["fit", "f"], ["marks", "m"], ["window", "w"], ["actual", "a"]]) element(id).addEventListener("click", keys[key]);
  for (const [number, name] of LAYERS.entries()) {
    const button = add(element("choice"), "button", name[0].toUpperCase() + name.slice(1));
    button.dataset.layer = name;
    button.title = String(number + 1);
    button.disabled = !available(name);
    button.addEventListener("click", () => choose(name));
  }
}

function drag(event, last) {
  const right = event.clientX - last.x, down = event.clientY - last.y;
  [last.x, last.y] = [event.clientX, event.clientY];
  if (last.windows) {
    const each = white / 600;
    const level = (view.low + view.high) / 2 - down * each, width = Math.max(2, view.high - view.low + 2 * right * each);
    [view.low, view.high] = [level - width / 2, level + width / 2];
  } else {
    view.x -= right / view.scale;
    view.y -= down / view.scale;
  }
  redraw();
}

async function start() {
  for (const layer of layers) await decode(layer);
  page();
  listen();
  choose("original");
  fit();
  draw();
  element("status").textContent = "";
  document.documentElement.dataset.ready = "yes";
}

const ready = start().catch((error) => {
  element("failure").hidden = false;
  element("failure").textContent = `This browser cannot show the picture (${error}); take a newer one.`;
  element("status").textContent = "";
  throw error;
});
