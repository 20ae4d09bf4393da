"""`probability_map`: what a patch classifier says everywhere in the breast, densely where that is exact.

A patch is scaled in one of three ways (`Units`), and it decides whether a map can be made without cutting patches. Of
"intensity" and "pixel-noise" a patch is a plain part of one image, so a network that has a dense form
(`mcfast.nets.dense_form`) gives in one pass what it says of every patch. In units of "noise" each patch is divided by
the noise at its own centre. A network with biases does not say the same of an image that is divided differently from
place to place, so its patches are cut one by one, whatever form it has.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy
from numpy.typing import NDArray

from mcfast import detect, runtimes
from mcfast.canonical import at_canonical, headroom
from mcfast.detect.noise_units import candidates_at, in_noise
from mcfast.dicom.grayscale import window
from mcfast.errors import ConfigError, DeviceError
from mcfast.mammogram import Mammogram
from mcfast.ops import gather_patches
from mcfast.reading import read
from mcfast.runtimes import Network
from mcfast.scan import DenseNetwork, dense

__all__ = ["METHODS", "UNITS", "Method", "ProbabilityMap", "Units", "probability_map"]

Units = Literal["intensity", "pixel-noise", "noise"]
Method = Literal["auto", "dense", "patches"]
UNITS: tuple[Units, ...] = get_args(Units)
METHODS: tuple[Method, ...] = get_args(Method)
BATCH = 128
SPACING_MM = 0.1
_STATED: Mapping[str, Units] = {
    "flattened image in deviations of the noise around the candidate, -8 .. 24": "noise",
    "flattened image in deviations of the noise around each pixel, -8 .. 24": "pixel-noise",
    "0 .. 1, image / max_value": "intensity",
}
"""What networks that mcfast has trained say of themselves, under "input_range"."""

Field = NDArray[numpy.float32]
Mask = NDArray[numpy.bool_]
Places = NDArray[numpy.int32]


@dataclass(frozen=True, slots=True, eq=False)
class ProbabilityMap:
    """Probabilities on a grid over the breast.

    Attributes
    ----------
    values
        (h, w) float32, 0 .. 1, NaN where the middle of a cell is no breast. Cell (i, j) holds what the network says of
        the patch around pixel (i stride + stride // 2, j stride + stride // 2) of the image at `spacing_mm`.
    stride, spacing_mm
        Pixels from cell to cell, and their size.
    scale
        (rows, columns) from the input's pixels to those.
    method
        `"dense"` or `"patches"`; `reason` says why it is patches where a choice was left, else `""`.
    units
        What the network saw.
    network, sha256
        Its name, and the digest of its file.
    mammogram, image
        The input, and its (H, W) uint16 presentation values.
    """

    values: Field
    stride: int
    spacing_mm: float
    scale: tuple[float, float]
    method: str
    reason: str
    units: str
    network: str
    sha256: str
    mammogram: Mammogram
    image: NDArray[numpy.uint16]

    @property
    def pixels(self) -> tuple[float, float]:
        """(rows, columns) of the input that a cell is high and wide."""
        return self.stride / self.scale[0], self.stride / self.scale[1]

    @property
    def first(self) -> tuple[float, float]:
        """(row, column) in the input that cell (0, 0) was asked about; `pixels` further for each cell."""
        row, column = ((self.stride // 2 + 0.5) / by - 0.5 for by in self.scale)
        return row, column

    def as_dict(self) -> dict[str, Any]:
        """All but arrays and input, for JSON."""
        names = ("stride", "spacing_mm", "method", "reason", "units", "network", "sha256")
        return {"shape": list(self.values.shape), "first": list(self.first), "pixels": list(self.pixels)} | {
            name: getattr(self, name) for name in names
        }


def probability_map(
    item: Any,
    network: bytes | str | os.PathLike[str],
    *,
    units: Units | None = None,
    mean: float = 0.0,
    std: float = 1.0,
    stride: int | None = None,
    method: Method = "auto",
    output: int = -1,
    spacing_mm: float | tuple[float, float] | None = None,
    any_modality: bool = False,
    threads: int | None = None,
) -> ProbabilityMap:
    """What a patch classifier says everywhere in the breast.

    Parameters
    ----------
    item, spacing_mm, any_modality
        As in `mcfast.read`.
    network
        Bytes or path of an ONNX file, (N, 1, side, side) -> (N, K) probabilities; in units of "noise" also
        (N, scales, side, side). It sees pixels of 0.1 mm, or of what its metadata call "spacing_mm".
    units
        `"intensity"`: 0 .. 1 for black to white, from which `mean` is taken and which `std` then divides;
        `"pixel-noise"`: the local mean taken off, each pixel in deviations of the noise around it, as networks of
        `mcfast train patch-classifier`; `"noise"`: the same in deviations of the noise at the patch's centre, as the
        shipped detectors. `None` is what the network's metadata tell.
    stride
        Pixels from cell to cell; 1 asks about every pixel, `None` is a third of the patch's side.
    method
        `"dense"`: in one pass, exact to float32 rounding (1e-5); `"patches"`: cut and asked one by one; `"auto"`: dense
        where network and units have it.
    output
        Which of K outputs is the probability.
    threads
        `None` is `MCFAST_THREADS`, else the processors of this process.

    Returns
    -------
    `ProbabilityMap`. Patches that hang over the image's border see its last pixels repeated, as in
    `mcfast.gather_patches`. Dense: O(pixels); patches: O(cells).

    Raises
    ------
    ConfigError
        If the file is no such network, has no dense form though one is asked for (the layer is named), does not tell
        its units and nor do you, gives no probabilities, or an argument is out of its range.
    InputError
        If the image cannot be read or used.
    DeviceError
        If ONNX Runtime is not installed; for `method="dense"`, if the package onnx is not.
    """
    classifier = _Classifier(network, units, method, output, threads)
    step = max(1, classifier.side // 3) if stride is None else stride
    if not isinstance(step, int) or step < 1:
        raise ConfigError(f"probability_map(stride): expected at least 1 pixel, got {stride!r}")
    if not (math.isfinite(mean) and math.isfinite(std) and std > 0):
        raise ConfigError(f"probability_map(mean, std): expected a number and one above 0, got {mean} and {std}")
    mammogram = read(item, spacing_mm=spacing_mm, any_modality=any_modality)
    image, own = window(mammogram, threads=threads), classifier.network
    spacing = float(own.metadata.get("spacing_mm", SPACING_MM))
    small, valid, scale = at_canonical(image, mammogram, spacing, threads=threads)
    white = ((1 << mammogram.bits) - 1) * headroom(mammogram)
    mask = detect.breast_mask(small, spacing, max_value=white, valid=valid)
    grid = tuple(numpy.arange(step // 2, length, step) for length in mask.shape)
    values = numpy.full([len(line) for line in grid], numpy.nan, numpy.float32)
    inside = numpy.argwhere(mask[numpy.ix_(*grid)])
    places = numpy.ascontiguousarray(inside * step + step // 2, numpy.int32)
    if classifier.units == "noise":
        candidates = candidates_at(small, mask, places, white, spacing_mm=spacing, threads=threads)
        places, said = candidates.positions, detect.classify(candidates, classifier, threads=threads)
    elif classifier.units == "pixel-noise":
        said = classifier.say(in_noise(small, mask, white, spacing_mm=spacing), mask, places)
    else:
        seen: Field = small.astype(numpy.float32)
        seen /= numpy.float32(white)
        seen -= numpy.float32(mean)
        seen /= numpy.float32(std)
        said = classifier.say(seen, mask, places)
    values[tuple((places // step).T)] = _checked(own.name, said)
    return ProbabilityMap(
        *(values, step, spacing, scale, classifier.method, classifier.reason, classifier.units),
        *(own.name, own.sha256, mammogram, image),
    )


class _Classifier:
    """A network that is asked for one of its outputs, and how."""

    def __init__(
        self,
        network: bytes | str | os.PathLike[str],
        units: Units | None,
        method: Method,
        output: int,
        threads: int | None,
    ) -> None:
        self.network = runtimes.load(network, threads=threads)
        self.input_shape, self._output, self._threads = self.network.input_shape, output, threads
        self.units = _units(self.network, units)
        self.side = _side(self.network, self.units)
        self._dense: DenseNetwork | None = None
        self.method, self.reason = "patches", ""
        if method not in METHODS:
            raise ConfigError(f"probability_map(method): expected one of {', '.join(METHODS)}, got {method!r}")
        if method == "patches":
            return
        if self.units == "noise":
            self.reason = "in units of 'noise' each patch is divided by the noise at its own centre"
            if method == "dense":
                raise ConfigError(
                    "probability_map(method): expected 'patches' or 'auto', got 'dense', which cuts all patches out of "
                    f"one image: {self.reason}"
                )
            return
        try:
            self._dense = dense(network, threads=threads)
            self.method = "dense"
        except (ConfigError, DeviceError) as error:
            if method == "dense":
                raise
            self.reason = str(error)

    def run(self, batch: Field) -> Field:
        """(N, channels, side, side) -> (N,) probabilities."""
        said = self.network.run(batch)
        said = said.reshape(len(batch), -1)
        if not -said.shape[1] <= self._output < said.shape[1]:
            raise ConfigError(
                f"probability_map(output): expected one of the network's {said.shape[1]} outputs, got {self._output}"
            )
        chosen: Field = said[:, self._output]
        return chosen

    def say(self, seen: Field, mask: Mask, places: Places) -> Field:
        """Probabilities of the patches of an image around places, (N,)."""
        said = numpy.empty(len(places), numpy.float32)
        if self._dense is not None and len(places):
            return self._scanned(self._dense, seen, mask, places)
        for begin in range(0, len(places), BATCH):
            some = places[begin : begin + BATCH]
            said[begin : begin + BATCH] = self.run(gather_patches(seen, some, self.side, threads=self._threads))
        return said

    def _scanned(self, form: DenseNetwork, seen: Field, mask: Mask, places: Places) -> Field:
        """The box around the breast, with as much around it as its patches see; beyond the image as they do."""
        before, after = self.side // 2, self.side - 1 - self.side // 2
        (top, left), (bottom, right) = places.min(axis=0), places.max(axis=0) + 1
        room = ((before, after), (before, after))
        part = numpy.pad(seen, room, mode="edge")[top : bottom + before + after, left : right + before + after]
        wanted = numpy.pad(mask[top:bottom, left:right], room)
        scanned = form.scan(numpy.ascontiguousarray(part), mask=wanted)
        if not -len(scanned) <= self._output < len(scanned):
            raise ConfigError(
                f"probability_map(output): expected one of the network's {len(scanned)} outputs, got {self._output}"
            )
        rows, columns = (places - (top, left) + before).T
        said: Field = scanned[self._output, rows, columns]
        return said


def _units(network: Network, units: Units | None) -> Units:
    found = _STATED.get(network.metadata.get("input_range", "")) if units is None else units
    if found not in UNITS:
        raise ConfigError(
            f"probability_map(units): expected one of {', '.join(UNITS)}, got {units!r}"
            + (f", and network {network.name!r} does not tell; name the one it was trained in" if units is None else "")
        )
    return found


def _side(network: Network, units: Units) -> int:
    shape = network.input_shape
    square = len(shape) == 4 and shape[2] is not None and shape[2] == shape[3]
    if not square or (shape[1] != 1 and (units != "noise" or shape[1] is None)):
        raise ConfigError(
            f"probability_map(network): expected input (any, 1, side, side), in units of 'noise' several scales, got "
            f"{shape} of {network.name!r}; give a patch classifier"
        )
    assert shape[2] is not None
    return shape[2]


def _checked(name: str, said: Field) -> Field:
    if len(said) and not (said.min() >= 0 and said.max() <= 1):
        raise ConfigError(
            f"probability_map(network): expected probabilities, got values of {said.min():g} to {said.max():g} from "
            f"{name!r}; let it end with Sigmoid or Softmax"
        )
    return said
