"""The engine on phantoms and on bad input: what every stage hands on, and that nothing gets lost."""

import json
import threading

import jsonschema
import numpy
import pytest

import mcfast
from mcfast.detect import DetectorConfig
from mcfast.errors import (
    DeviceError,
    PixelDataError,
    UnreadableError,
)
from mcfast.result import schema

VALIDATOR = jsonschema.Draft202012Validator(schema())


def check_json(result):
    values = json.loads(result.to_json())
    VALIDATOR.validate(values)
    return values


@pytest.fixture(scope="module")
def result(engine, small_dicom):
    return engine(small_dicom)


def test_finds_the_clusters(result, small_phantom):
    assert result.status == "ok"
    bright = [one for one in small_phantom.calcifications if one.contrast_to_noise > 6]
    truth = numpy.array([(one.row, one.column) for one in bright])
    found = numpy.array([(one.row, one.col) for one in result.calcifications])
    distance = numpy.hypot(*(truth[:, None] - found[None]).transpose(2, 0, 1)) * small_phantom.spacing_mm
    assert (distance.min(axis=1) < 0.5).mean() > 0.7
    assert (distance.min(axis=0) < 0.5).mean() > 0.7
    assert len(result.clusters) >= 1


def test_positions_are_pixels_of_the_input(result, small_phantom):
    """A bright calcification's mark lies within a pixel of its centre, at 0.07 as at 0.1 mm."""
    bright = [one for one in small_phantom.calcifications if one.contrast_to_noise > 12 and one.diameter_mm < 0.5]
    assert bright
    for one in bright:
        nearest = min(result.calcifications, key=lambda mark: (mark.row - one.row) ** 2 + (mark.col - one.column) ** 2)
        assert abs(nearest.row - one.row) < 2
        assert abs(nearest.col - one.column) < 2
        assert nearest.x_mm == pytest.approx((nearest.col + 0.5) * 0.07)
        assert nearest.y_mm == pytest.approx((nearest.row + 0.5) * 0.07)


def test_clusters_hold_together(result):
    assert result.clusters
    assert [cluster.id for cluster in result.clusters] == list(range(1, len(result.clusters) + 1))
    for cluster in result.clusters:
        members = [one for one in result.calcifications if one.cluster == cluster.id]
        assert cluster.count == len(members) >= 3
        rows, cols = zip(*cluster.outline, strict=True)
        assert min(rows) - 1e-6 <= min(one.row for one in members)
        assert max(cols) + 1e-6 >= max(one.col for one in members)
    assert [cluster.score for cluster in result.clusters] == sorted((c.score for c in result.clusters), reverse=True)


def test_images_of_the_stages(result, small_phantom):
    shape = small_phantom.image.shape
    numpy.testing.assert_array_equal(result.image, small_phantom.image)
    assert result.enhanced.shape == shape
    assert result.enhanced.dtype == numpy.uint16
    assert result.enhanced.max() <= 4095
    overlap = (result.mask & small_phantom.mask).sum() / (result.mask | small_phantom.mask).sum()
    assert overlap > 0.9
    assert result.magnified
    for region in result.magnified:
        assert region.pixels.shape == (2 * region.box.shape[0], 2 * region.box.shape[1])
        binned = region.pixels.reshape(region.box.shape[0], 2, region.box.shape[1], 2).mean(axis=(1, 3))
        original = result.image[region.box.slices]
        assert numpy.corrcoef(binned.ravel(), original.ravel())[0, 1] > 0.98


def test_json_is_valid_and_complete(result):
    values = check_json(result)
    assert values["status"] == "ok"
    assert values["source"]["sop_instance_uid"]
    assert len(values["calcifications"]) == len(result.calcifications)
    stages = [
        "read",
        "parse",
        "decode",
        "window",
        "enhance",
        "mask",
        "propose",
        "classify",
        "cluster",
        "magnify",
        "total",
    ]
    assert list(values["seconds"]) == stages
    parts = sum(values["seconds"][stage] for stage in stages if stage not in ("parse", "decode", "total"))
    assert values["seconds"]["total"] == pytest.approx(parts, abs=1e-4)
    assert values["engine"]["configuration"]["spacing_mm"] == 0.07
    assert "Research use only" in values["notice"]


def test_the_same_on_any_number_of_threads(result, small_dicom):
    for threads in (1, 3):
        other = mcfast.Engine(mcfast.Config(spacing_mm=0.07), threads=threads)(small_dicom)
        assert [(one.row, one.col) for one in other.calcifications] == [
            (one.row, one.col) for one in result.calcifications
        ]
        numpy.testing.assert_allclose(
            [one.score for one in other.calcifications], [one.score for one in result.calcifications], atol=1e-5
        )
        numpy.testing.assert_array_equal(other.enhanced, result.enhanced)


def test_every_kind_of_item_gives_the_same(engine, result, small_dicom, small_phantom):
    import pydicom

    assert engine.config.spacing_mm == small_phantom.spacing_mm
    for item in (
        str(small_dicom),
        small_dicom.read_bytes(),
        pydicom.dcmread(small_dicom),
        mcfast.read(small_dicom),
        small_phantom.image,
    ):
        other = engine(item)
        assert [(one.row, one.col, one.score) for one in other.calcifications] == [
            (one.row, one.col, one.score) for one in result.calcifications
        ]


def test_calls_from_several_threads(engine, small_dicom, result):
    results = [None] * 4

    def work(place):
        results[place] = engine(small_dicom)

    workers = [threading.Thread(target=work, args=(place,)) for place in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [one.to_json().split('"seconds"')[0] for one in results] == [result.to_json().split('"seconds"')[0]] * 4


def test_no_findings_is_not_a_failure():
    """The same breast with and without its clusters; the bar is set where the clusters still pass."""
    from mcfast import phantom

    strict = mcfast.Engine(mcfast.Config(spacing_mm=0.07, detector=DetectorConfig(min_score=0.99)))
    outcome = strict(phantom.mammogram(11, shape=(1664, 1280), clusters=0).image)
    assert outcome.status == "no findings"
    assert outcome.score < 0.5
    assert not outcome.magnified
    assert check_json(outcome)["failure"] is None
    assert strict(phantom.mammogram(11, shape=(1664, 1280), clusters=2).image).status == "ok"


def test_regions_come_with_the_best_cluster_first(result):
    places = []
    for region in result.magnified:
        inside = [one.cluster for one in result.calcifications if _in(region.box, one) and one.cluster is not None]
        places.append(min(inside, default=99))
    assert places == sorted(places)


def _in(box, one):
    return box.row0 <= one.row <= box.row1 and box.column0 <= one.col <= box.column1


@pytest.mark.parametrize("magnify", ["breast", "none"])
def test_what_is_magnified(magnify):
    from mcfast import phantom

    tiny = phantom.mammogram(4, shape=(600, 420), clusters=1)
    outcome = mcfast.Engine(mcfast.Config(spacing_mm=0.07, magnify=magnify))(tiny.image)
    if magnify == "none":
        assert outcome.magnified == ()
        return
    (region,) = outcome.magnified
    rows, columns = numpy.flatnonzero(outcome.mask.any(axis=1)), numpy.flatnonzero(outcome.mask.any(axis=0))
    assert region.box == (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (7, 5), (64, 48)])
def test_tiny_images(engine, shape):
    image = (numpy.arange(shape[0] * shape[1], dtype=numpy.uint16) * 37 % 4096).reshape(shape)
    if image.size == 1:
        with pytest.raises(PixelDataError):
            engine(image)
        return
    outcome = engine(image)
    assert outcome.status in ("ok", "no findings")
    assert outcome.enhanced.shape == shape
    check_json(outcome)


def test_coarse_and_anisotropic_pixels(small_phantom):
    for spacing in (0.2, (0.07, 0.1)):
        outcome = mcfast.Engine(mcfast.Config(spacing_mm=spacing))(small_phantom.image)
        assert outcome.mask.shape == small_phantom.image.shape
        check_json(outcome)


def test_padding_is_never_breast(engine, small_phantom):
    from dataclasses import replace

    whole = mcfast.read(small_phantom.image, spacing_mm=0.07)
    valid = numpy.ones(whole.shape, bool)
    valid[:400] = False
    outcome = engine(replace(whole, valid=valid))
    assert not outcome.mask[:398].any()
    assert outcome.calcifications
    assert all(one.row >= 398 for one in outcome.calcifications)


def test_stream_goes_on_after_bad_items(engine, result, small_dicom, tmp_path):
    items = [small_dicom, tmp_path / "gone.dcm", numpy.zeros((4, 4), numpy.uint16), small_dicom, object()]
    outcomes = list(engine.stream(items, in_flight=2))
    assert [one.status for one in outcomes] == ["ok", "failed", "failed", "ok", "failed"]
    assert outcomes[0].to_json().split('"seconds"')[0] == result.to_json().split('"seconds"')[0]
    assert outcomes[1].failure.type == "UnreadableError"
    assert outcomes[1].failure.stage == "read"
    assert "gone.dcm" in outcomes[1].failure.message
    assert outcomes[4].failure.type == "TypeError"
    for outcome in outcomes:
        check_json(outcome)


def test_one_path_is_no_stream(engine):
    with pytest.raises(TypeError, match=r"Engine.stream\(items\): expected several items, got 'a.dcm'; give a list"):
        engine.stream("a.dcm")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"threads": 2.5}, ValueError, "Engine(threads): expected None or a number from 1 to 256, got 2.5"),
        ({"config": {"omega": 0.5}}, TypeError, "Engine(config): expected a mcfast.Config or None, got dict"),
        (
            {"device": "tpu"},
            DeviceError,
            "Engine(device): expected one of auto, cpu, cuda, got 'tpu'",
        ),
        ({"threads": 0}, ValueError, "Engine(threads): expected None or a number from 1 to 256, got 0"),
    ],
)
def test_engine_arguments(options, error, message):
    with pytest.raises(error) as raised:
        mcfast.Engine(**options)
    assert str(raised.value) == message


def test_schema_refuses_what_contradicts_itself(result):
    values = check_json(result)
    for change in (
        {"status": "no findings"},
        {"status": "failed"},
        {"score": None},
        {"schema": "mcfast-result/2.0"},
        {"extra": 1},
    ):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(values | change)


def test_repr(result, engine):
    assert repr(result).startswith(f"Result({result.name!r}, ok, {len(result.calcifications)} calcifications")
    failed = engine.failed("x.dcm", UnreadableError("x.dcm: is empty"))
    assert repr(failed) == "Result('x.dcm', failed: x.dcm: is empty)"


def test_a_pickled_engine_works(engine, small_dicom, result):
    import pickle

    copy = pickle.loads(pickle.dumps(engine))
    assert copy.threads == engine.threads
    assert copy(small_dicom).calcifications == result.calcifications


def test_names_of_failed_items(engine):
    import pydicom

    class Path:
        def __fspath__(self):
            return "nowhere.dcm"

    assert [one.name for one in engine.stream([Path(), pydicom.Dataset()])] == ["nowhere.dcm", "<dataset>"]
