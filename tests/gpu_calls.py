"""Every operation that runs on a GPU, called as a user calls it; for the emulated GPU and for real ones.

Needs nothing but NumPy, so that it runs where the other tests' packages are missing.
"""

import importlib.util

import numpy

import mcfast

DTYPES = (numpy.uint8, numpy.uint16, numpy.float32)


def random_image(dtype, shape, seed=1):
    values = numpy.random.default_rng(seed).integers(0, 4096, shape)
    return (
        (values / 4096).astype(dtype)
        if dtype == numpy.float32
        else numpy.minimum(values, numpy.iinfo(dtype).max).astype(dtype)
    )


def calls(dtype, shape):
    """(name, call of `image` and `arrays`, most difference) of every operation; `arrays` puts one where the image is."""
    white = 1.0 if dtype == numpy.float32 else 255.0 if dtype == numpy.uint8 else 4095.0
    rows, columns = shape
    centres = numpy.array([[0, 0], [rows - 1, columns - 1], [rows // 2, columns // 3]], numpy.int32)
    inside = random_image(numpy.uint8, shape, 3) > 60
    close = 4 * white * 2.0**-24
    yield "min_filter", lambda a, put, **o: mcfast.min_filter(a, (11, 5), **o), 0
    yield "max_filter", lambda a, put, **o: mcfast.max_filter(a, 101, **o), 0
    yield "erode", lambda a, put, **o: mcfast.erode(a, mcfast.disk(5), **o), 0
    yield "dilate", lambda a, put, **o: mcfast.dilate(a, mcfast.disk(30), **o), 0
    yield "opening", lambda a, put, **o: mcfast.opening(a, mcfast.rectangle(11, 11), **o), 0
    yield "closing", lambda a, put, **o: mcfast.closing(a, mcfast.rectangle(4, 6), **o), 0
    yield "white_tophat", lambda a, put, **o: mcfast.white_tophat(a, mcfast.disk(7), **o), 0
    yield "black_tophat", lambda a, put, **o: mcfast.black_tophat(a, mcfast.rectangle(3, 3), **o), 0
    yield "dark_channel", lambda a, put, **o: mcfast.dark_channel(a, 11, **o), 0
    yield "box_mean", lambda a, put, **o: mcfast.box_mean(a, 22, **o), close
    yield "gaussian_blur", lambda a, put, **o: mcfast.gaussian_blur(a, 1.7, **o), 0
    yield "guided_filter", lambda a, put, **o: mcfast.guided_filter(a, 22, 1e-3 * white**2, **o), close
    yield "dehaze", lambda a, put, **o: mcfast.dehaze(a, max_value=white, **o), 2e-6 if white == 1 else 1
    yield "resample", lambda a, put, **o: mcfast.resample(a, 0.7, **o), 0
    yield "gather_patches", lambda a, put, **o: mcfast.gather_patches(a, put(centres), 12, mean=1.5, std=2.0, **o), 0
    size, stride = (min(rows, 12), min(columns, 13)), (min(rows, 10), min(columns, 13))
    yield "sliding_windows", lambda a, put, **o: mcfast.sliding_windows(a, size, stride, cover=True, **o), 0
    yield "local_maxima", lambda a, put, **o: mcfast.local_maxima(a, 3, threshold=0.2, mask=put(inside), **o), 0
    if white > 1:
        table = numpy.arange(4096, dtype=numpy.uint16)[::-1].copy()
        yield "lookup", lambda a, put, **o: mcfast.lookup(a, put(table), **o), 0
    if importlib.util.find_spec("scipy"):  # which the CPU's mask stands on
        from mcfast.detect import breast_mask

        # Detail in every pixel of the coarse image where it is small; where it is large the CPU would take long.
        spacing = 0.8 if rows < 300 else 0.1
        options = {"max_value": white}
        yield "breast_mask", lambda a, put, **o: breast_mask(a, spacing, **options, valid=put(inside), **o), 0
        quick = options | {"thorough": False}
        yield "breast_mask, no closer look", lambda a, put, **o: breast_mask(a, spacing, **quick, **o), 0
