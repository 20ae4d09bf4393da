"""Images for the operations' tests: every dtype, tiny and odd sizes, strided rows; a breast cut out tightly."""

import numpy
from hypothesis import strategies as st

from mcfast.phantom import mammogram

DTYPES = (numpy.uint8, numpy.uint16, numpy.float32)
# Around the widths of vectors (16, 32 and 64 bytes) and below every window.
SIZES = (1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 65, 97)


def make(dtype, rows, columns, seed, levels=4096):
    """A random image; few levels make ties and plateaus."""
    values = numpy.random.default_rng(seed).integers(0, levels, (rows, columns))
    if numpy.dtype(dtype).kind == "f":
        return (values / levels).astype(dtype)
    return numpy.minimum(values, numpy.iinfo(dtype).max).astype(dtype)


def dark_crop(seed, gamma):
    """A phantom's breast cut out with 3 mm of air beside it, its fat dark by a steep curve: uint8, and the breast."""
    drawn = mammogram(seed, shape=(1401, 1003), spacing_mm=0.1)
    rows, columns = (numpy.flatnonzero(drawn.mask.any(axis)) for axis in (1, 0))
    crop = numpy.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 30]
    share = numpy.clip((drawn.image[crop] / 4095 - 0.05) / 0.85, 0, 1) ** gamma
    return numpy.rint(255 * share).astype(numpy.uint8), drawn.mask[crop]


def hard_window(seed, percent):
    """A phantom whose darkest tissue, so many percent of the breast, is as black as air: uint8, and the breast."""
    drawn = mammogram(seed, shape=(1401, 1003), spacing_mm=0.1)
    low, high = numpy.percentile(drawn.image[drawn.mask], (percent, 99.5))
    return numpy.rint(255 * numpy.clip((drawn.image - low) / (high - low), 0, 1)).astype(numpy.uint8), drawn.mask


def strided(image, seed):
    """The same pixels as a view with a row stride: wider rows, every other row, or upside down."""
    rows, columns = image.shape
    kind = seed % 4
    if kind == 1:
        host = numpy.zeros((rows, columns + 7), image.dtype)
        host[:, 3 : 3 + columns] = image
        return host[:, 3 : 3 + columns]
    if kind == 2:
        host = numpy.zeros((2 * rows, columns), image.dtype)
        host[::2] = image
        return host[::2]
    if kind == 3:
        return image[::-1].copy()[::-1]
    return image


@st.composite
def images(draw, dtypes=DTYPES, sizes=SIZES):
    """An image of any dtype and size, its rows strided in one of four ways."""
    dtype = draw(st.sampled_from(dtypes))
    rows, columns = draw(st.sampled_from(sizes)), draw(st.sampled_from(sizes))
    seed = draw(st.integers(0, 2**16))
    levels = draw(st.sampled_from((2, 7, 4096, 65536)))
    return strided(make(dtype, rows, columns, seed, levels), seed)


@st.composite
def footprints(draw, most=9):
    """Any non-empty footprint up to `most` x `most`, even sides and holes included."""
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    mask = numpy.random.default_rng(draw(st.integers(0, 2**16))).random((rows, columns)) < draw(
        st.sampled_from((0.2, 0.6, 1.0))
    )
    if not mask.any():
        mask[rows // 2, columns // 2] = True
    return mask


THREADS = st.sampled_from((1, 2, 3))


def spotted(image: numpy.ndarray, mask: numpy.ndarray, count: int, height: float, seed: int) -> numpy.ndarray:
    """The image with faint spots of 3 x 3 pixels in its breast, so many times as high as neighbours differ."""
    rows, columns = numpy.nonzero(mask)
    pick = numpy.random.default_rng(seed).integers(len(rows), size=count)
    values = image.astype(numpy.float32)
    step = numpy.median(numpy.abs(numpy.diff(values, axis=1))[mask[:, 1:]])
    for row, column in zip(rows[pick], columns[pick], strict=True):
        values[row - 1 : row + 2, column - 1 : column + 2] += height * step
    return numpy.clip(values, 0, image.max()).astype(image.dtype)
