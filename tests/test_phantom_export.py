"""What happens to a tile between the detector and a file: places stay, and hard windows leave tissue black."""

import numpy

from mcfast.phantom import tile
from mcfast.phantom.export import as_exported


def test_exports_keep_the_grid_and_the_places() -> None:
    """Whatever is done to it, a bright disk stays where it was."""
    down, right = numpy.mgrid[:160, :160]
    disk = 0.3 + 0.4 * (numpy.hypot(down - 60, right - 101) < 8)
    for seed in range(25):
        out = as_exported(disk.astype(numpy.float32), numpy.random.default_rng(seed))
        assert out.shape == (160, 160)
        assert out.dtype == numpy.uint16
        bright = numpy.argwhere(out > (int(out[20:140, 20:140].min()) + int(out.max())) / 2)
        assert numpy.abs(bright.mean(axis=0) - (60, 101)).max() < 1.0


def test_hard_windows_leave_the_darkest_tissue_black() -> None:
    """In about every seventh tile some of it, at most three in ten; without them next to nothing."""
    black = []
    for index in range(60):
        drawn = [tile(numpy.random.default_rng([12, index]), side=160, without=w) for w in ((), ("hard windows",))]
        black.append([float((one.image[one.mask] == 0).mean()) for one in drawn])
    windowed, plain = numpy.array(black).T
    assert 3 < (windowed > plain + 0.02).sum() < 16
    assert 0.05 < windowed.max() < 0.35
    assert plain.max() < 0.05
    rng = numpy.random.default_rng(3)
    air = numpy.zeros((160, 160), numpy.float32)
    assert not any(as_exported(air, rng).any() for _ in range(25))  # no tissue that could become black
