"""Where FSRCNN's training images come from: phantoms, or a folder of one's own.

Either is cut into three parts that share nothing: images to train on, images that only choose which step's weights to
keep, and images for the numbers in the model card. Which image goes where follows from the seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy
from numpy.typing import NDArray

from mcfast.errors import InputError
from mcfast.train.magnifier.pairs import Pairs, crop_pairs, draw_frame, draw_pairs, join_pairs

__all__ = ["FolderData", "Frame", "PhantomData", "TrainingData"]

FEWEST = 3
"""Images of a folder: one for each part."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image, its breast, and the intensity of white."""

    name: str
    image: NDArray[Any]
    mask: NDArray[numpy.bool_]
    peak: float


class TrainingData(Protocol):
    """What training asks of a source of images."""

    @property
    def identity(self) -> str:
        """Changes whenever the images do: a checkpoint of other images is not gone on with."""

    @property
    def origin(self) -> str:
        """For the ONNX file's metadata."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Images trained on, asked, and tested."""

    def training_pairs(self, crops: int, side: int) -> Pairs:
        """`crops` pairs of `side` small pixels from each image trained on."""

    def checking_pairs(self, crops: int, side: int) -> Pairs:
        """The same from each image that chooses the weights."""

    def test_frames(self) -> Iterator[Frame]:
        """Images for the model card, one by one."""


class PhantomData:
    """Phantoms of `mcfast.phantom`; `scale` is the share of their usual field of view, per side."""

    origin = "phantoms of mcfast.phantom"

    def __init__(self, seed: int, counts: tuple[int, int, int], scale: float = 1.0) -> None:
        """`counts` phantoms to train on, ask, and test; their own seeds follow from `seed`."""
        self.counts = counts
        self._scale = scale
        ends = numpy.cumsum((1_000_000 + 1000 * seed, *counts)).tolist()
        self.seeds = tuple(list(range(ends[i], ends[i + 1])) for i in range(3))

    @property
    def identity(self) -> str:
        """The seeds decide everything, and the recipe holds what they come from."""
        return "phantoms"

    def training_pairs(self, crops: int, side: int) -> Pairs:
        """See `TrainingData`."""
        return draw_pairs(self.seeds[0], crops, side, scale=self._scale)

    def checking_pairs(self, crops: int, side: int) -> Pairs:
        """See `TrainingData`."""
        return draw_pairs(self.seeds[1], crops, side, scale=self._scale)

    def test_frames(self) -> Iterator[Frame]:
        """See `TrainingData`."""
        for index, seed in enumerate(self.seeds[2]):
            image, mask = draw_frame(seed, scale=self._scale)
            yield Frame(f"phantom {index + 1}", image, mask, 4095.0)


class FolderData:
    """Images of one's own: PNG and TIFF of 8 or 16 bit, and DICOM mammograms; the breast is where they are not zero."""

    origin = "a folder of images"

    def __init__(self, files: Sequence[str | Path], seed: int) -> None:
        """Deal the files out: of ten, eight to train on, one to ask, one to test; at least one each.

        Raises
        ------
        InputError
            If there are fewer than three files, or one cannot be read.
        """
        names = sorted(Path(file) for file in files)
        if len(names) < FEWEST:
            raise InputError(
                f"train fsrcnn: expected at least {FEWEST} images (to train on, to choose by, to test), "
                f"got {len(names)}; give more, or phantoms"
            )
        order = [names[i] for i in numpy.random.default_rng([seed, 0xD0]).permutation(len(names))]
        few = max(1, len(names) // 10)
        self._parts = (order[2 * few :], order[few : 2 * few], order[:few])
        self._seed = seed
        digest = hashlib.sha256()
        for name in order:
            digest.update(name.name.encode() + b"\0" + hashlib.sha256(_bytes(name)).digest())
        self.identity = digest.hexdigest()

    @property
    def counts(self) -> tuple[int, int, int]:
        """See `TrainingData`."""
        trained, asked, tested = (len(part) for part in self._parts)
        return trained, asked, tested

    def training_pairs(self, crops: int, side: int) -> Pairs:
        """See `TrainingData`."""
        return self._pairs(0, crops, side)

    def checking_pairs(self, crops: int, side: int) -> Pairs:
        """See `TrainingData`."""
        return self._pairs(1, crops, side)

    def test_frames(self) -> Iterator[Frame]:
        """See `TrainingData`."""
        for index, path in enumerate(self._parts[2]):
            frame = _read(path)
            yield Frame(f"image {index + 1}", frame.image, frame.mask, frame.peak)  # a name may hold a patient's

    def _pairs(self, part: int, crops: int, side: int) -> Pairs:
        pairs = []
        for index, path in enumerate(self._parts[part]):
            frame = _read(path)
            if min(frame.image.shape) < 2 * side:
                raise InputError(
                    f"{path}: expected at least {2 * side} pixels on a side for training, got {frame.image.shape}; "
                    "leave it out"
                )
            generator = numpy.random.default_rng([self._seed, part, index, 0xC2])
            pairs.append(crop_pairs(frame.image, frame.mask, frame.peak, crops, side, generator))
        return join_pairs(pairs)


def _read(path: Path) -> Frame:
    from mcfast.evaluate.sr_report import read_image

    image, peak = read_image(path)
    mask = image > 0
    if not mask.any():
        raise InputError(f"{path}: every pixel is zero; leave it out")
    return Frame(path.name, image, mask, peak)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); leave it out") from error
