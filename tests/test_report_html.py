"""The HTML report: whole by itself, exact to the last bit, and alive in a real browser."""

import base64
import html
import json
import os
import re
import shutil
import subprocess
import zlib
from dataclasses import replace

import numpy
import pytest

from mcfast.report.html import html_report, pack

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def result(engine, small_dicom):
    found = engine(small_dicom)
    return replace(found, mammogram=replace(found.mammogram, flags=("burned_in_annotation", "partial_view")))


@pytest.fixture(scope="module")
def report(result):
    return html_report(result)


def unpacked(text, shape):
    planes = numpy.frombuffer(zlib.decompress(base64.b64decode(text)), numpy.uint8).reshape(2, *shape).astype("u2")
    return numpy.cumsum((planes[0] << 8) | planes[1], axis=1, dtype=numpy.uint16)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (33, 47)])
def test_pixels_are_packed_without_loss(shape):
    image = numpy.random.default_rng(1).integers(0, 65536, shape).astype(numpy.uint16)
    numpy.testing.assert_array_equal(unpacked(pack(image), shape), image)


def test_everything_is_in_it_and_nothing_is_fetched(report, result):
    assert re.search(r"""(src|href)\s*=|@import|url\(|https?://""", report) is None
    layers = json.loads(re.search(r'id="layers">(.*?)</script>', report).group(1))
    assert [layer["name"] for layer in layers] == ["original", "enhanced"] + ["magnified"] * len(result.magnified)
    for layer, image in zip(
        layers, [result.image, result.enhanced, *(one.pixels for one in result.magnified)], strict=True
    ):
        text = re.search(rf'id="{layer["pixels"]}">(.*?)</script>', report).group(1)
        numpy.testing.assert_array_equal(unpacked(text, (layer["rows"], layer["columns"])), image)
    assert json.loads(re.search(r'id="result">(.*?)</script>', report).group(1)) == result.as_dict()
    assert "Research use only" in report


def test_a_name_cannot_break_out(result):
    from mcfast.mammogram import Source

    name = "</script><script>alert(1)</script>&$x.dcm"
    mammogram = replace(result.mammogram, source=Source(name, "png"))
    report = html_report(replace(result, name=name, mammogram=mammogram))
    assert "<script>alert" not in report
    assert json.loads(re.search(r'id="result">(.*?)</script>', report).group(1))["source"]["name"] == name


PROBE = """
<script>
const errors = [];
window.addEventListener("error", (event) => errors.push(String(event.message)));
window.addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
ready.then(async () => {
  const said = {};
  const picture = () => Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data);
  const sum = () => { draw(); return picture().reduce((a, b, i) => (a + b * (i % 8191)) % 1e9, 0); };
  const key = (name) => window.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
  const pointer = (kind, x, y, more = {}) =>
    canvas.dispatchEvent(new PointerEvent(kind, { clientX: x, clientY: y, bubbles: true, ...more }));
  said.size = [canvas.width, canvas.height];
  said.fitted = view.scale;
  said.start = sum();
  said.values = PLACES.map(([row, column]) => [valueAt("original", row, column), valueAt("enhanced", row, column)]);
  key("m"); said.bare = sum(); said.pressed = element("marks").getAttribute("aria-pressed"); key("m");
  key("2"); said.enhanced = sum();
  element("choice").children[2].click(); element("clusters").children[0].click(); said.magnified = sum();
  said.near = view.scale;
  key("1"); said.original = sum();
  key("4"); said.probability = sum(); said.legend = !element("legend").hidden;
  said.map = [view.layer, view.marks, element("choice").children[3].disabled];
  said.probable = result.calcifications.map((one) => probabilityAt(one.col + 0.5, one.row + 0.5));
  said.nowhere = [probabilityAt(-1, 5), probabilityAt(1e6, 5)];
  key("m"); said.both = sum(); key("m");
  key("1"); said.back = [sum(), view.marks, element("legend").hidden];
  key("f"); said.again = sum();
  const box = canvas.getBoundingClientRect(), x = box.left + 100, y = box.top + 80;
  const fixed = () => [view.x + 100 / view.scale, view.y + 80 / view.scale];
  const before = fixed();
  canvas.dispatchEvent(new WheelEvent("wheel", { deltaY: -600, clientX: x, clientY: y, bubbles: true, cancelable: true }));
  said.zoomed = view.scale; said.still = fixed().map((value, i) => Math.abs(value - before[i]));
  const origin = [view.x, view.y];
  pointer("pointerdown", x, y); pointer("pointermove", x + 40, y - 20); pointer("pointerup", x + 40, y - 20);
  said.moved = [(origin[0] - view.x) * view.scale, (origin[1] - view.y) * view.scale];
  pointer("pointerdown", x, y, { shiftKey: true }); pointer("pointermove", x - 50, y + 30); pointer("pointerup", x, y);
  said.window = [view.low, view.high];
  key("w"); said.reset = [view.low, view.high];
  key("a"); said.actual = view.scale;
  said.status = element("status").textContent;
  said.cards = element("clusters").children.length;
  said.crops = [...document.querySelectorAll(".cluster canvas")].map((one) =>
    new Set(one.getContext("2d").getImageData(0, 0, one.width, one.height).data).size);
  said.words = [...document.querySelectorAll(".words")].map((one) => one.textContent);
  said.stages = element("stages").rows.length;
  said.features = [...document.querySelectorAll(".cluster details")].map((one) => one.querySelectorAll("tr").length - 1);
  said.flags = [...element("flags").children].map((one) => one.textContent);
  const begin = performance.now();
  for (let i = 0; i < 10; i++) { view.x += 3; draw(); }
  said.frames = view.frames;
  return said;
}).catch((error) => ({ error: String(error) })).then((said) => {
  document.body.innerHTML = "";
  const out = document.createElement("pre");
  out.id = "said";
  out.textContent = JSON.stringify({ ...said, errors });
  document.body.append(out);
});
</script>
"""


@pytest.fixture(scope="module")
def said(report, tmp_path_factory):
    """What the page says of itself in a browser, after being clicked, dragged and zoomed."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no chromium is installed (Debian: apt install chromium)")
    folder = tmp_path_factory.mktemp("browser")
    page = folder / "report.html"
    page.write_text(
        report.replace("</body>", PROBE.replace("PLACES", "[[0, 0], [800, 300], [1663, 1279]]") + "</body>")
    )
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1200,800"]
    options += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=60000", "--dump-dom"]
    environment = os.environ | {"HOME": str(folder)}
    run = subprocess.run(
        [browser, *options, page.as_uri()], capture_output=True, text=True, check=False, timeout=120, env=environment
    )
    found = re.search(r'<pre id="said">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found, run.stdout[-500:] + run.stderr[-2000:]
    return json.loads(html.unescape(found.group(1)))


def test_it_loads_without_an_error(said, result):
    assert said["errors"] == []
    assert "error" not in said
    assert min(said["size"]) > 300
    expected = [
        [int(image[place]) for image in (result.image, result.enhanced)] for place in ((0, 0), (800, 300), (1663, 1279))
    ]
    assert said["values"] == expected
    assert said["cards"] == len(result.clusters)
    assert all(colours > 20 for colours in said["crops"])
    assert said["words"] == [cluster.description for cluster in result.clusters]
    assert said["stages"] == len(result.seconds)
    assert said["features"] == [cluster.count for cluster in result.clusters]
    assert said["flags"] == [flag.replace("_", " ") for flag in result.mammogram.flags] != []


def test_toggles_change_what_is_seen(said):
    assert len({said["start"], said["bare"], said["enhanced"]}) == 3
    assert said["pressed"] == "false"
    assert said["magnified"] != said["original"]
    assert said["again"] == said["start"]


def test_probability_map(said, result):
    """Cells of colour without marks; M shows both; every finding lies in a cell of at least its score."""
    assert said["map"] == ["probability", False, False]
    assert said["legend"]
    assert len({said["original"], said["probability"], said["both"]}) == 3
    assert said["back"] == [said["original"], True, True]
    for sure, one in zip(said["probable"], result.calcifications, strict=True):
        assert sure >= one.score - 1 / 254
    assert said["nowhere"] == [None, None]


def test_mouse(said, result):
    assert said["near"] > 2 * said["fitted"]  # a click on a cluster goes there
    assert said["zoomed"] == pytest.approx(4 * said["fitted"])
    assert said["still"] == pytest.approx([0, 0], abs=1e-6)  # what is under the cursor stays there
    assert said["moved"] == pytest.approx([40, -20])
    low, high = said["window"]
    white = (1 << result.mammogram.bits) - 1
    assert high - low < white
    assert (low + high) / 2 < white / 2
    assert said["reset"] == [0, white]
    assert said["actual"] == pytest.approx(1)
    assert "zoom" in said["status"]
