import dataclasses

import numpy
import pytest

import mcfast
from mcfast.detect import DetectorConfig
from mcfast.errors import ConfigError


def test_hash_tells_configurations_apart():
    assert mcfast.Config().hash() == mcfast.Config().hash()
    different = {
        mcfast.Config(),
        mcfast.Config(omega=0.8),
        mcfast.Config(detector=DetectorConfig(min_score=0.4)),
        mcfast.Config(spacing_mm=0.07),
        mcfast.Config(spacing_mm=(0.07, 0.07)),
    }
    assert len({config.hash() for config in different}) == len(different)
    assert all(len(config.hash()) == 16 for config in different)


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        mcfast.Config().omega = 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"omega": 2.0}, "Config(omega): expected 0 .. 1, got 2.0"),
        ({"t_min": 0.0}, "Config(t_min): expected 0.001 .. 1, got 0.0"),
        ({"canonical_mm": float("nan")}, "Config(canonical_mm): expected 0.05 .. 0.5, got nan"),
        ({"magnify": "all"}, "Config(magnify): expected one of clusters, breast, none, got 'all'"),
    ],
)
def test_errors(values, message):
    with pytest.raises(ConfigError) as raised:
        mcfast.Config(**values)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "make",
    [
        lambda: mcfast.Config(omega="x"),
        lambda: mcfast.Config(detector=None),
        lambda: mcfast.Config(spacing_mm=float("nan")),
        lambda: mcfast.Config(spacing_mm=(1, 2, 3)),
        lambda: DetectorConfig(threshold=float("nan")),
        lambda: DetectorConfig(link_mm=float("inf")),
        lambda: DetectorConfig(limit=2.5),
    ],
)
def test_what_could_not_be_computed_or_written_is_refused_at_once(make):
    with pytest.raises(ConfigError, match="expected"):
        make()


def test_numpy_numbers_are_plain_numbers():
    config = mcfast.Config(spacing_mm=numpy.float32(0.0625))
    assert config == mcfast.Config(spacing_mm=0.0625)
    assert config.hash() == mcfast.Config(spacing_mm=0.0625).hash()
