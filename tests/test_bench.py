"""The benchmarks on tiny images: answers are checked, results are kept, changes have the right sign. Times are not."""

import pathlib
import sys
import types

import numpy
import pytest

import mcfast
from mcfast.cli import main

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # mcfast is imported already; this finds the benchmarks only

from benchmarks import machine, ours, peers, reference, table  # noqa: E402
from benchmarks.call import EQUAL, Agreement, Call  # noqa: E402
from benchmarks.cases import CASES  # noqa: E402
from benchmarks.inputs import Inputs, inputs  # noqa: E402
from benchmarks.measure import check, measure  # noqa: E402
from benchmarks.results import Report  # noqa: E402
from benchmarks.rounds import Pace, interleave  # noqa: E402

PACE = Pace(rounds=2, least=1, patience=0.0, longest=60.0)
CASE = next(case for case in CASES if case.name == "erode_rectangle k=15")


@pytest.fixture(scope="module")
def tiny() -> Inputs:
    return inputs((288, 272))  # the widest border that a check leaves out is 120 pixels


def planted(answer, **more):
    """A peer that gives this answer for a rectangle's erosion."""
    peer = types.SimpleNamespace(MANY_THREADS=False, use_threads=lambda threads: None)
    peer.erode_rectangle = lambda inputs, threads, *, k: Call(lambda: answer(inputs), **more)
    return {"planted": peer}


@pytest.mark.parametrize("name", peers.available())
def test_every_answer_of_every_peer_agrees_with_ours(name, tiny):
    peer = peers.available()[name]
    offered = [case for case in CASES if hasattr(peer, case.operation)]
    assert offered and peer.VERSION
    for threads in (1, 2) if peer.MANY_THREADS else (1,):
        peer.use_threads(threads)
        for case in offered:
            entry = check(case, name, case.prepare(peer, tiny, threads), ours_of(case, tiny))
            assert entry.status == "timed", (case.name, entry)
            assert entry.difference <= 2, case.name
    peer.use_threads(1)


def ours_of(case, data):
    call = case.ours(data, 1)
    return call.answer(call.run())


def test_peers_offer_only_what_is_registered():
    operations = {case.operation for case in CASES}
    assert operations == {name for name in vars(ours) if callable(getattr(ours, name)) and name.islower()}
    assert len({case.name for case in CASES}) == len(CASES)
    for case in CASES:
        assert (ROOT / "benchmarks" / f"bench_{case.noun}.py").exists()
        assert case.operation == "gather_patches" or any(
            hasattr(peer, case.operation) for peer in peers.available().values()
        )


def test_a_peer_that_is_not_installed_is_named_with_the_reason(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'fancy'")

    monkeypatch.setattr(peers, "import_module", missing)
    peers.load.cache_clear()
    try:
        assert peers.available() == {}
        assert machine.peer_versions()["OpenCV"] == "not installed: No module named 'fancy'"
    finally:
        peers.load.cache_clear()


def test_a_wrong_answer_is_caught_and_not_timed(tiny):
    def one_pixel_off(inputs):
        answer = mcfast.min_filter(inputs.image, 15)
        answer[144, 136] += 1
        return answer

    row = measure(CASE, tiny, 1, PACE, planted(one_pixel_off))
    entry = row.entry("planted")
    assert (entry.status, entry.difference, entry.seconds) == ("different", 1.0, [])
    assert row.best_peer is None and row.ratio() is None
    assert len(row.ours.seconds) == 1 and len(row.copy.seconds) == 1


def test_what_a_stated_rule_allows_passes_and_no_more(tiny):
    def other_border(inputs):
        answer = mcfast.min_filter(inputs.image, 15)
        answer[:7] += 9
        return answer

    row = measure(CASE, tiny, 1, PACE, planted(other_border, agreement=Agreement(0, 7, "it pads with zeros")))
    assert row.entry("planted").status == "timed" and len(row.entry("planted").seconds) == 1
    row = measure(CASE, tiny, 1, PACE, planted(other_border, agreement=Agreement(0, 6)))
    assert row.entry("planted").status == "different"
    assert row.entry("planted").agreement == "equal 6 px from the border"


def test_a_peer_that_raises_is_reported(tiny, capsys):
    def fails(inputs):
        raise RuntimeError("not for uint16")

    row = measure(CASE, tiny, 1, PACE, planted(fails))
    assert row.entry("planted").status == "failed"
    table.print_rows([row])
    assert (
        "erode_rectangle k=15, 288 x 272, 1 thr: planted failed: RuntimeError: not for uint16"
        in capsys.readouterr().out
    )


def test_a_slow_peer_is_checked_and_extrapolated_from_a_crop(tiny, monkeypatch):
    monkeypatch.setattr("benchmarks.measure.CROP", (64, 64))
    seen = []

    def erode(inputs):
        seen.append(inputs.image.shape)
        return mcfast.min_filter(inputs.image, 15)

    row = measure(CASE, tiny, 1, Pace(2, 1, 0.0, longest=0.0), planted(erode))
    assert set(seen) == {(64, 64)}
    assert row.entry("planted").status == "extrapolated" and len(row.entry("planted").seconds) == 1
    row = measure(CASE, tiny, 1, Pace(2, 1, 0.0, longest=0.0), planted(lambda inputs: erode(inputs) + 1))
    assert row.entry("planted").status == "different"


def test_peers_of_one_thread_take_no_part_in_two(tiny):
    row = measure(CASE, tiny, 2, PACE, planted(lambda inputs: mcfast.min_filter(inputs.image, 15)))
    assert row.entry("planted") is None and row.threads == 2 and row.peers == []
    assert row.gain > 0  # of one thread in the same rounds


def test_agreement():
    a = numpy.zeros((8, 8), numpy.uint16)
    assert EQUAL.difference(a, a.astype(numpy.float32)) == 0
    assert Agreement(1).difference(a, a + 1) == 1
    assert EQUAL.difference(a, a[:7]) == float("inf")
    assert EQUAL.difference(a, numpy.full(a.shape, numpy.nan)) == float("inf")
    assert Agreement(5, border=4).difference(a, a + 9) == float("inf")  # nothing left to compare is no agreement
    assert EQUAL.difference(a, a - numpy.uint16(1)) == 65535


def test_ties_of_maxima_are_resolved_as_ours_are(tiny):
    case = next(case for case in CASES if case.operation == "local_maxima")
    tied = Inputs(tiny.image)
    tied.response = numpy.round(tiny.response / 10) * 10
    found = ours_of(case, tied)
    for name in ("opencv", "scipy", "torch"):
        if name in peers.available():
            call = case.prepare(peers.available()[name], tied, 1)
            raw = call.run()
            assert len(raw) > len(found), name
            numpy.testing.assert_array_equal(call.answer(raw), found)


def test_rounds_are_interleaved_and_the_slow_sit_out():
    order = []
    entrants = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    times = interleave(entrants, Pace(rounds=3, least=1, patience=100))
    assert "".join(order) == "ababab"
    assert [len(seconds) for seconds in times.values()] == [3, 3]
    times = interleave(entrants, Pace(rounds=3, least=2, patience=0))
    assert [len(seconds) for seconds in times.values()] == [2, 2]


@pytest.mark.parametrize("radius", [0, 4, 60])
def test_float64_reference_of_the_guided_filter(radius):
    image = inputs((288, 272)).image[:70, :90]
    mine = reference.guided_filter(image, radius, 25.0)
    from mcfast.backends import reference as specification

    assert mine.dtype == numpy.float64
    numpy.testing.assert_allclose(mine, specification.guided_filter(image, radius, 25.0), rtol=0, atol=2e-4)
    error = reference.guided_error(Inputs(image), mine.astype(numpy.float32), r=radius, eps=25.0)
    assert 0 <= error < 1.3e-4
    assert reference.guided_error(Inputs(image), mine.astype(numpy.float32) + 1, r=radius, eps=25.0) > 0.99


def test_the_command_runs_saves_and_loads(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    out = tmp_path / "run.json"
    assert main(["bench", "--quick", "--only", "lookup", "--threads", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    for words in ("416 x 320, uint16, 12 bit, one thread each", "lookup", "OpenCV", "cpu_level", numpy.__version__):
        assert words in printed
    assert [row.key for row in Report.load(out).rows] == [("lookup", 416, 320, 1)]
    assert main(["bench", "--load", str(out), "--benchmarks", str(ROOT / "benchmarks")]) == 0
    assert main(["bench", "--compare", str(out), str(out)]) == 0
    assert "same" in capsys.readouterr().out


def test_the_command_refuses(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--quick"]) == 1
    assert capsys.readouterr().err == (
        "mcfast: benchmarks: no benchmarks here; run in a checkout of mcfast, or give its folder with "
        "--benchmarks DIR (it is the one named 'benchmarks')\n"
    )
    monkeypatch.chdir(ROOT)
    assert main(["bench", "--quick", "--only", "nothing"]) == 1
    assert "--only: expected a pattern that some case's name matches, got 'nothing'" in capsys.readouterr().err
    assert main(["bench", "--load", str(tmp_path / "gone.json")]) == 1
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--threads", "0"])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        main(["bench", "--help"])
    assert stop.value.code == 0 and "--compare" in capsys.readouterr().out
