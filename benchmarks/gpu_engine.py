"""Time the engine on this machine's GPU: `python -m benchmarks.gpu_engine --out FOLDER`; part of `make gpu`.

Three measurements for each way of magnifying, on phantoms that are decoded already:

* stages: between events on the stream, launch by launch, without graphs; best of several images;
* latency: from a decoded image to its result, by graphs, host work and downloads included; median and p99;
* stream: images per second through `Engine.stream`, and when each image was uploaded, computed and downloaded.

Findings are compared with those of the CPU first. The networks run in what `mcfast.info()` names; where that is neither
TensorRT nor ONNX Runtime, in torch, on the same weights. NumPy, SciPy, Pillow and torch are enough. Writes
`engine-NAME.json`, and `engine-NAME.png` where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy

import mcfast
from benchmarks import torch_network
from benchmarks.cpu_engine import cpu_engine
from benchmarks.gpu_timeline import Span, Timeline, draw
from mcfast.device.networks import HOST_LOADERS, LOADERS
from mcfast.version import version

__all__ = ["main", "measure"]

SHAPE, SPACING_MM = (3328, 2560), 0.07
NEEDED = ("PIL", "scipy")  # of phantoms, and of grouping what is found
MAGNIFY = ("none", "clusters", "breast")
MOST_DIFFERENCE = 1e-3  # of scores, between GPU and CPU


def measure(
    images: Sequence[Any], magnify: str, repeats: int, *, spacing_mm: float = SPACING_MM, limit: int = 3500
) -> tuple[dict[str, Any], list[Span]]:
    """Stages, latency and throughput of one configuration, and the spans of the streamed images.

    Raises
    ------
    SystemExit
        If the findings are not those of the CPU: their speed would mean nothing.
    """
    detector = mcfast.Config().detector
    config = mcfast.Config(spacing_mm=spacing_mm, magnify=magnify, detector=type(detector)(limit=limit))
    engine = mcfast.Engine(config, "cuda")
    mammograms = [mcfast.read(image, spacing_mm=spacing_mm) for image in images]
    reference = cpu_engine(config)
    difference = compare(engine, reference, mammograms[0])
    seconds = []
    for index in range(repeats + 4):  # two for each slot: launched one by one, then captured
        begin = time.perf_counter()
        engine(mammograms[index % len(mammograms)])
        seconds.append(time.perf_counter() - begin)
    quantiles = numpy.quantile(1e3 * numpy.array(seconds[4:]), [0.5, 0.99])
    begin = time.perf_counter()
    with engine.stream((mammograms[i % len(mammograms)] for i in range(repeats)), in_flight=6) as stream:
        done = sum(result.status != "failed" for result in stream)
    streamed = time.perf_counter() - begin
    timeline = Timeline(engine)
    stages = timeline.stages(mammograms, min(repeats, 10))
    spans = timeline.streamed(mammograms, min(repeats, 8))
    return {
        "magnify": magnify,
        "device": engine.record.device,
        "runtime": engine.record.runtime,
        "why_not_better": engine.record.device_reason,
        "compared_with": getattr(getattr(reference, "record", reference), "runtime", ""),
        "largest_difference_of_scores": difference,
        "stages_ms": stages,
        "latency_ms": {"median": float(quantiles[0]), "p99": float(quantiles[1]), "images": repeats},
        "images_per_second": done / streamed,
    }, spans


def compare(engine: Callable[[Any], Any], reference: Callable[[Any], Any], mammogram: Any) -> float:
    """The largest difference of scores of an image's findings; raises `SystemExit` if they are not the same."""
    result, expected = engine(mammogram), reference(mammogram)
    if len(result.calcifications) != len(expected.calcifications):
        counts = len(result.calcifications), len(expected.calcifications)
        raise SystemExit(f"the GPU finds {counts[0]} calcifications, the CPU {counts[1]}")
    pairs = zip(result.calcifications, expected.calcifications, strict=True)
    difference = max((abs(one.score - other.score) for one, other in pairs), default=0.0)
    if difference > MOST_DIFFERENCE:
        raise SystemExit(f"scores on the GPU differ from the CPU's by up to {difference:.2g}")
    return float(difference)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure everything, print the table, write JSON and picture."""
    from mcfast import _cuda, phantom

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmarks") / "results", help="folder for JSON and picture")
    parser.add_argument("--shape", type=int, nargs=2, default=SHAPE, help="rows and columns of the images")
    parser.add_argument("--spacing-mm", type=float, default=SPACING_MM)
    parser.add_argument("--repeats", type=int, default=200, help="images for latency and for the stream")
    parser.add_argument("--limit", type=int, default=3500, help="candidates that the networks look at")
    parser.add_argument("--magnify", nargs="+", choices=MAGNIFY, default=MAGNIFY)
    parsed = parser.parse_args(arguments)
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"the engine is left out: {', '.join(missing)} cannot be imported")
        return
    LOADERS["torch"] = torch_network.load
    HOST_LOADERS["torch"] = torch_network.load_on_host
    properties = _cuda.properties(0)
    images = [phantom.mammogram(seed, shape=tuple(parsed.shape), clusters=2).image for seed in (1, 2)]
    records, spans = [], []
    for magnify in parsed.magnify:
        options = {"spacing_mm": parsed.spacing_mm, "limit": parsed.limit}
        record, spans = measure(images, magnify, parsed.repeats, **options)
        records.append(record)
        print_record(record)
    result = {
        "mcfast": version(),
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "gpu": properties,
        "cuda_driver_and_runtime": _cuda.versions(),
        "image": list(parsed.shape),
        "records": records,
    }
    name = properties["name"].lower().replace(" ", "-")
    parsed.out.mkdir(parents=True, exist_ok=True)
    path = parsed.out / f"engine-{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)
    if find_spec("matplotlib") is None:
        print("the timeline is not drawn: matplotlib cannot be imported")
        return
    draw(spans, path.with_suffix(".png"), f"{properties['name']}, {parsed.shape[0]} x {parsed.shape[1]}")


def print_record(record: dict[str, Any]) -> None:
    """A block of the table."""
    print(f"magnify {record['magnify']}: {record['device']}, {record['runtime']}")
    for stage, milliseconds in record["stages_ms"].items():
        print(f"  {stage:10} {milliseconds:9.3f} ms")
    latency = record["latency_ms"]
    print(f"  {'latency':10} {latency['median']:9.3f} ms, p99 {latency['p99']:.3f} ms")
    print(f"  {'streamed':10} {record['images_per_second']:9.1f} images/s")


if __name__ == "__main__":
    main()
