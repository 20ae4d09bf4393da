"""mcfast's own calls: the same functions that every peer module offers."""

from __future__ import annotations

import numpy

import mcfast
from benchmarks.call import Call
from benchmarks.inputs import WHITE, Inputs

DEHAZE = {"size": 11, "radius": 22, "omega": 0.9, "eps": 1e-3, "t_min": 0.1}
MEAN, STD = numpy.float32(1000), numpy.float32(300)


def erode_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: mcfast.min_filter(inputs.image, k, out=out, threads=threads))


def erode_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, footprint = numpy.empty_like(inputs.image), mcfast.disk(d // 2)
    return Call(lambda: mcfast.erode(inputs.image, footprint, out=out, threads=threads))


def tophat_disk(inputs: Inputs, threads: int, *, d: int) -> Call:
    out, footprint = numpy.empty_like(inputs.image), mcfast.disk(d // 2)
    return Call(lambda: mcfast.white_tophat(inputs.image, footprint, out=out, threads=threads))


def tophat_rectangle(inputs: Inputs, threads: int, *, k: int) -> Call:
    out, footprint = numpy.empty_like(inputs.image), mcfast.rectangle(k, k)
    return Call(lambda: mcfast.white_tophat(inputs.image, footprint, out=out, threads=threads))


def guided_filter(inputs: Inputs, threads: int, *, r: int, eps: float) -> Call:
    out = numpy.empty(inputs.image.shape, numpy.float32)
    return Call(lambda: mcfast.guided_filter(inputs.image, r, eps, out=out, threads=threads))


def dehaze(inputs: Inputs, threads: int) -> Call:
    out = numpy.empty_like(inputs.image)
    return Call(lambda: mcfast.dehaze(inputs.image, **DEHAZE, max_value=WHITE, out=out, threads=threads))


def box_mean(inputs: Inputs, threads: int, *, r: int) -> Call:
    out = numpy.empty(inputs.image.shape, numpy.float32)
    return Call(lambda: mcfast.box_mean(inputs.image, r, out=out, threads=threads))


def gaussian(inputs: Inputs, threads: int, *, sigma: float) -> Call:
    out = numpy.empty(inputs.image.shape, numpy.float32)
    return Call(lambda: mcfast.gaussian_blur(inputs.image, sigma, out=out, threads=threads))


def resample(inputs: Inputs, threads: int, *, scale: float) -> Call:
    out = mcfast.resample(inputs.image, scale)
    return Call(lambda: mcfast.resample(inputs.image, scale, out=out, threads=threads))


def local_maxima(inputs: Inputs, threads: int, *, r: int, threshold: float) -> Call:
    image = inputs.response
    return Call(
        lambda: mcfast.local_maxima(image, r, threshold=threshold, threads=threads),
        note="float32 image; the list of maxima is allocated inside",
        answer=lambda result: result[0],
    )


def gather_patches(inputs: Inputs, threads: int, *, size: int) -> Call:
    image, centres = inputs.image, inputs.centres
    out = numpy.empty((len(centres), 1, size, size), numpy.float32)
    mean, std = numpy.full(len(centres), MEAN), numpy.full(len(centres), STD)
    return Call(lambda: mcfast.gather_patches(image, centres, size, mean=mean, std=std, out=out, threads=threads))


def lookup(inputs: Inputs, threads: int) -> Call:
    image, table, out = inputs.image, inputs.table, numpy.empty_like(inputs.image)
    return Call(lambda: mcfast.lookup(image, table, out=out, threads=threads))
