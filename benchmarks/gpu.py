"""Time every operation on this machine's GPU: `python -m benchmarks.gpu --out FILE`; part of `make gpu`.

Inside the clock: the kernels of one call, on an image that is on the GPU, into an array that is there, repeated so
that the time of a call on the host is hidden if it can be; CUDA events, best of several rounds. `share` is the
operation's least traffic (its image read once, its result written once; for gathering, what it reads and writes of
patches, as if both were of the batch's type) over its time, as a part of the device-to-device copy measured in the
same run. Peers (`benchmarks/peers/gpu`) do the same work where they can; one whose answer differs from ours by more
than its file states is reported and not timed.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy

import mcfast
from benchmarks.gpu_images import dark_breast
from benchmarks.peers import gpu as gpu_peers
from mcfast import _cuda
from mcfast.backends import cuda
from mcfast.backends.gpu import residual, suppression, tone
from mcfast.backends.gpu.device_array import DeviceArray
from mcfast.backends.gpu.interop import view
from mcfast.backends.gpu.launch import Call
from mcfast.backends.gpu.run import run_on_gpu
from mcfast.version import version

ROWS, COLUMNS = 4096, 3328
ROUNDS, SECONDS = 5, 0.05
COMPARED = ("min_filter", "erode", "white_tophat", "box_mean", "gaussian_blur", "guided_filter", "resample")


def milliseconds(call: Callable[[], Any], stream: int) -> float:
    """Best time of a call among rounds of as many calls as fit into a twentieth of a second."""
    first, last = _cuda.Event(), _cuda.Event()
    for _ in range(3):
        call()
    _cuda.synchronize(stream, 0)
    begin = time.perf_counter()
    call()
    _cuda.synchronize(stream, 0)
    repeats = max(3, min(500, int(SECONDS / max(time.perf_counter() - begin, 1e-6))))
    best = float("inf")
    for _ in range(ROUNDS):
        first.record(stream)
        for _ in range(repeats):
            call()
        last.record(stream)
        best = min(best, last.since(first) / repeats)
    return best


def copy_rate(stream: _cuda.Stream) -> float:
    """GB/s of a device-to-device copy of an image, read and write counted."""
    source = DeviceArray((8 * ROWS, COLUMNS), numpy.uint16, stream=stream.handle)
    target = DeviceArray((8 * ROWS, COLUMNS), numpy.uint16, stream=stream.handle)
    size = source.nbytes

    def copy() -> None:
        _cuda.copy(target.pointer, source.pointer, size, stream.handle, 0)

    return 2 * size / milliseconds(copy, stream.handle) / 1e6


def operations(image: DeviceArray, stream: _cuda.Stream) -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
    """(name, call that writes to `out`, the result's dtype)."""
    same = image.dtype
    top = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}[same.name]
    yield "min_filter 11 x 11", lambda out: mcfast.min_filter(image, 11, out=out, stream=stream), same
    yield "min_filter 101 x 101", lambda out: mcfast.min_filter(image, 101, out=out, stream=stream), same
    yield "erode disk 5", lambda out: mcfast.erode(image, mcfast.disk(5), out=out, stream=stream), same
    yield "erode disk 15", lambda out: mcfast.erode(image, mcfast.disk(15), out=out, stream=stream), same
    yield "white_tophat disk 7", lambda out: mcfast.white_tophat(image, mcfast.disk(7), out=out, stream=stream), same
    square = mcfast.rectangle(11, 11)
    yield "white_tophat 11 x 11", lambda out: mcfast.white_tophat(image, square, out=out, stream=stream), same
    yield "dark_channel 11 x 11", lambda out: mcfast.dark_channel(image, 11, out=out, stream=stream), same
    yield "box_mean 22", lambda out: mcfast.box_mean(image, 22, out=out, stream=stream), numpy.float32
    yield "gaussian_blur 2", lambda out: mcfast.gaussian_blur(image, 2.0, out=out, stream=stream), numpy.float32
    yield (
        "guided_filter 22",
        lambda out: mcfast.guided_filter(image, 22, 1e-3 * top**2, out=out, stream=stream),
        numpy.float32,
    )
    yield "dehaze", lambda out: mcfast.dehaze(image, max_value=top, out=out, stream=stream), same
    if same.kind == "u":
        table = DeviceArray.from_host(numpy.arange(4096, dtype=numpy.uint16), stream=stream.handle)
        yield "lookup 4096", lambda out: mcfast.lookup(image, table, out=out, stream=stream), numpy.uint16


def other_shapes(image: DeviceArray, stream: _cuda.Stream) -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
    """(name, call that writes to `out`, `out`) of what gives back another shape than the image's."""
    white = {"uint8": 255.0, "uint16": 4095.0, "float32": 1.0}[image.dtype.name]

    def empty(shape: tuple[int, ...], dtype: Any) -> DeviceArray:
        return DeviceArray(shape, dtype, stream=stream.handle)

    half = empty((ROWS // 2, COLUMNS // 2), image.dtype)
    yield "resample 0.5", lambda out: mcfast.resample(image, 0.5, out=out, stream=stream), half
    side = min(224, ROWS)
    windows = mcfast.sliding_windows(image, side, side, cover=True, stream=stream)
    yield (
        "sliding_windows 224",
        lambda out: mcfast.sliding_windows(image, side, side, cover=True, out=out, stream=stream),
        windows,
    )
    stitched = empty((ROWS, COLUMNS), image.dtype)
    yield "stitch 224", lambda out: mcfast.stitch(windows, (ROWS, COLUMNS), side, out=out, stream=stream), stitched
    places = numpy.random.default_rng(2).integers(0, (ROWS, COLUMNS), (3000, 2)).astype(numpy.int32)
    centres = DeviceArray.from_host(places, stream=stream.handle)
    for dtype in (numpy.float32, numpy.float16):
        yield (
            f"gather_patches 3000 x 12 {numpy.dtype(dtype).name}",
            lambda out, dtype=dtype: mcfast.gather_patches(image, centres, 12, dtype=dtype, out=out, stream=stream),
            empty((3000, 1, 12, 12), dtype),
        )
    mask = empty((ROWS, COLUMNS), numpy.bool_)
    options = {"spacing_mm": 0.1, "max_value": white, "stream": stream}
    yield (
        "breast_mask",
        lambda out: run_on_gpu("breast_mask", image, name="image", backend=None, out=out, **options),
        mask,
    )


def of_a_dark_breast(stream: _cuda.Stream) -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
    """(name, call that writes to `out`, `out`) of what looks closer where fat is nearly as dark as air."""
    image = DeviceArray.from_host(dark_breast(ROWS, COLUMNS), stream=stream.handle)
    mask, seen = DeviceArray((ROWS, COLUMNS), numpy.bool_, stream=stream.handle), view(image, "benchmark", "image")

    def find(out: DeviceArray) -> None:
        where: dict[str, Any] = {"name": "image", "backend": None, "stream": stream}
        run_on_gpu("breast_mask", image, 0.1, max_value=4095.0, out=out, **where)

    def lift(out: DeviceArray) -> None:
        with Call(cuda.device(0), stream.handle, image) as call:
            tone.find_tone(call, seen, view(out, "benchmark", "mask"), max_value=4095.0)

    def flatten(out: DeviceArray) -> None:
        lengths = {"skin_px": 6, "border_px": 3, "window_px": 12}
        with Call(cuda.device(0), stream.handle, image) as call:
            inside = view(out, "benchmark", "mask")
            even = tone.find_tone(call, seen, inside, max_value=4095.0)
            residual.flatten(call, seen, inside, max_value=4095.0, tone=even, **lengths)

    for name, call in (("breast_mask", find), ("tone", lift), ("residual", flatten)):
        yield f"{name} dark fat", call, mask


def of_candidates(stream: _cuda.Stream) -> Iterator[tuple[str, Callable[[Any], Any], Any]]:
    """(name, call that writes to `out`, `out`) of what takes as many candidates as a frame at 0.1 mm has."""
    rng, count = numpy.random.default_rng(3), numpy.array([3500], numpy.int32)
    lists = rng.integers(0, (2867, 2330), (3500, 2)).astype(numpy.int32), rng.random(3500, numpy.float32), count
    seen = [view(DeviceArray.from_host(one, stream=stream.handle), "benchmark", "lists") for one in lists]

    def suppress(out: DeviceArray) -> None:
        with Call(cuda.device(0), stream.handle, out) as call:
            suppression.suppress(call, *seen, 4.0, out=view(out, "benchmark", "out"))

    yield "suppress 3500", suppress, DeviceArray((3500,), numpy.bool_, stream=stream.handle)


def random_image(dtype: Any) -> numpy.ndarray:
    """(ROWS, COLUMNS), 0 .. white."""
    levels = 256 if dtype == numpy.uint8 else 4096
    host = numpy.random.default_rng(1).integers(0, levels, (ROWS, COLUMNS)).astype(dtype)
    if dtype == numpy.float32:
        host /= levels
    return host


def ours(
    host: numpy.ndarray, rate: float, stream: _cuda.Stream, answers: dict[str, numpy.ndarray]
) -> Iterator[dict[str, Any]]:
    """One record for each operation; what peers are compared with goes to `answers`."""
    dtype, image = host.dtype, DeviceArray.from_host(host, stream=stream.handle)
    whole = (
        (name, call, DeviceArray((ROWS, COLUMNS), result, stream=stream.handle))
        for name, call, result in operations(image, stream)
    )
    once = (*of_a_dark_breast(stream), *of_candidates(stream)) if dtype == numpy.uint16 else ()
    for name, call, out in (*whole, *other_shapes(image, stream), *once):
        elapsed = milliseconds(lambda: call(out), stream.handle)  # noqa: B023
        if name.startswith(COMPARED):
            answers[name] = out.to_host()
        read = out.nbytes if "gather" in name else 12 * out.nbytes if "suppress" in name else image.nbytes
        yield {
            "operation": name,
            "dtype": numpy.dtype(dtype).name,
            "who": "mcfast",
            "ms": elapsed,
            "share_of_copy": (out.nbytes + read) / elapsed / 1e6 / rate,
        }


def peers(host: numpy.ndarray, answers: dict[str, numpy.ndarray]) -> Iterator[dict[str, Any]]:
    """The same operations of other libraries, on their default stream: compared with ours, and timed if they agree."""
    for peer in gpu_peers.available().values():
        if isinstance(peer, str):
            continue
        who = f"{peer.__name__.rpartition('.')[2]} {peer.VERSION}"
        for operation, call, verdict in gpu_peers.checked(peer, host, answers):
            elapsed = milliseconds(call.run, 0) if verdict["status"] == "agrees" else None
            own = {"operation": operation, "dtype": host.dtype.name, "who": who, "ms": elapsed, "share_of_copy": None}
            yield own | verdict


def main() -> None:
    """Measure everything and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="file to write; by default benchmarks/results/gpu-NAME.json")
    parsed = parser.parse_args()
    stream, properties = _cuda.Stream(0), _cuda.properties(0)
    rate = copy_rate(stream)
    print(f"{properties['name']}: copies {rate:.0f} GB/s")
    records = []
    for dtype in (numpy.uint16, numpy.uint8, numpy.float32):
        host, answers = random_image(dtype), dict[str, numpy.ndarray]()
        for record in chain(ours(host, rate, stream, answers), peers(host, answers)):
            records.append(record)
            share = "" if record["share_of_copy"] is None else f"{record['share_of_copy']:7.0%} of copy"
            told = (
                f"not timed: {record['status']} {record['note']}"
                if record["ms"] is None
                else f"{record['ms']:9.3f} ms {share}"
            )
            print(f"{record['dtype']:8} {record['operation']:22} {record['who']:18} {told}")
    result = {
        "mcfast": version(),
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "gpu": properties,
        "cuda_driver_and_runtime": _cuda.versions(),
        "image": [ROWS, COLUMNS],
        "copy_gb_per_s": rate,
        "peers": {title: one if isinstance(one, str) else one.VERSION for title, one in gpu_peers.available().items()},
        "records": records,
    }
    name = properties["name"].lower().replace(" ", "-")
    path = parsed.out or Path("benchmarks") / "results" / f"gpu-{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(path)


if __name__ == "__main__":
    main()
