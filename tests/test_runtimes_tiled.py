"""Magnification through any runtime, in tiles: the halo, which tiles are run, and networks that cannot be tiled."""

import numpy
import pytest

from mcfast import nets, runtimes
from mcfast.errors import ConfigError
from mcfast.magnify import super_resolve
from mcfast.runtimes import tiled
from mcfast.runtimes.tiled import network_reach

IMAGE = numpy.zeros((8, 9), numpy.uint16)


@pytest.fixture(scope="module")
def network():
    return runtimes.load(nets.weights("fsrcnn"), threads=1)


def _image(shape):
    return numpy.random.default_rng(0).random(shape, numpy.float32)


def test_a_smaller_halo_would_not_do(network, monkeypatch):
    """The halo is needed to its last pixel, so the test above can fail."""
    image = _image((64, 64))
    whole = numpy.clip(network.run(image[None, None])[0, 0], 0, 1)
    kept = network_reach(network)
    for name in ("before", "after"):
        smaller = {"scale": 2, "before": kept.before, "after": kept.after, name: getattr(kept, name) - 2}
        monkeypatch.setattr(tiled, "network_reach", lambda _, smaller=smaller: type(kept)(**smaller))
        assert numpy.abs(super_resolve(image, tile=32, network=network) - whole).max() > 1e-5


class _Counting:
    """The shipped network, counting the pixels that it is given."""

    def __init__(self, network):
        self._network, self.pixels = network, 0

    def __getattr__(self, name):
        return getattr(self._network, name)

    def run(self, batch):
        self.pixels += batch.size
        return self._network.run(batch)


def test_tiles_outside_the_mask_are_not_run(network):
    image = _image((256, 256))
    mask = numpy.zeros(image.shape, bool)
    mask[40:60, 40:60] = True
    counting = _Counting(network)
    super_resolve(image, mask=mask, tile=64, network=counting, threads=1)
    assert counting.pixels == (64 + 8) ** 2  # one corner tile: a halo on its two inner sides


class _Described:
    """As much of a network as is looked at before it is run."""

    name = "other"

    def __init__(self, metadata, shape=(None, 1, None, None)):
        self.metadata, self.input_shape = metadata, shape


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (_Described({}), "network 'other': its metadata do not tell the layers' windows; export it with mcfast.nets"),
        (_Described({"layers": '[["Conv",3,1,1]]'}), r"expected \(any, 1, any, any\) and scale 2, got .* and scale 1"),
        (_Described({"layers": '[["ConvTranspose",9,2,4]]'}, (None, 3, None, None)), r"got \(None, 3, None, None\)"),
        (_Described({"layers": '[["ConvTranspose",9,2,4]]'}, (None, 1, 64, 64)), r"got \(None, 1, 64, 64\)"),
        (_Described({"layers": "rubbish"}), "its metadata 'layers' is no list of"),
    ],
)
def test_networks_that_cannot_be_tiled_are_named(network, message):
    with pytest.raises(ConfigError, match=message):
        super_resolve(IMAGE, network=network)


def test_an_error_in_one_tile_reaches_the_caller(network):
    class Broken(_Counting):
        def run(self, batch):
            raise RuntimeError("no memory")

    for threads in (1, 2):
        with pytest.raises(RuntimeError, match="no memory"):
            super_resolve(_image((64, 64)), tile=16, network=Broken(network), threads=threads)
