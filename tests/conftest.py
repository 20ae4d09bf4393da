"""Shared by all tests: where the real images are, and hypothesis profiles."""

import os
import pathlib

import pytest
from hypothesis import HealthCheck, settings

# A fixed seed makes a failure reproducible; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile(
    "repeat", max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeat"))


def pytest_addoption(parser):
    parser.addoption(
        "--strict-skips",
        action="store_true",
        help="fail if a test is skipped for any reason but this machine's hardware",
    )


def pytest_sessionfinish(session):
    """With --strict-skips, a run that skipped anything but what the machine itself lacks fails."""
    if not session.config.getoption("--strict-skips"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = [
        report
        for report in reporter.stats.get("skipped", [])
        if not any(reason in str(report.longrepr) for reason in ("this processor has no", "this machine has no"))
    ]
    if skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped that must run here", red=True)
        session.exitstatus = 1


def data_folder() -> pathlib.Path:
    """The folder of real mammograms: MCFAST_DATA, or shared/data beside the checkout."""
    default = pathlib.Path(__file__).parents[2] / "shared" / "data"
    return pathlib.Path(os.environ.get("MCFAST_DATA", default))


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    folder = data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real mammograms at {folder}; set MCFAST_DATA to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def small_phantom():
    """A quarter-size mammogram with clusters: whole in every respect, and quick."""
    from mcfast import phantom

    return phantom.mammogram(2, shape=(1664, 1280), clusters=2)


@pytest.fixture(scope="session")
def small_dicom(small_phantom, tmp_path_factory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("phantom") / "small.dcm"
    small_phantom.save_dicom(path)
    return path


@pytest.fixture(scope="session")
def engine():
    import mcfast

    return mcfast.Engine(mcfast.Config(spacing_mm=0.07))


@pytest.fixture(scope="session")
def archive(tmp_path_factory) -> pathlib.Path:
    """A folder of 28 files, four of them broken."""
    import triage_archive

    return triage_archive.make_archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="session")
def triaged(archive, tmp_path_factory) -> pathlib.Path:
    """The results of an uninterrupted triage of that archive, in shards of five files."""
    from mcfast.cli import main

    results = tmp_path_factory.mktemp("triaged") / "results"
    assert main(["triage", str(archive), "--out", str(results), "--shard-size", "5", "--workers", "2"]) == 1
    return results


@pytest.fixture(scope="session")
def emulated(pytestconfig):
    """The GPU, emulated on the host with every check of shared memory and barriers."""
    import emulated_device

    return emulated_device.EmulatedDevice(emulated_device.build(pytestconfig.cache))


@pytest.fixture(scope="session")
def unchecked(pytestconfig):
    """The same without the checks within a kernel, in a third of the time: for tests of what stands around kernels."""
    import emulated_device

    return emulated_device.EmulatedDevice(emulated_device.build(pytestconfig.cache, ("-O2",)))


@pytest.fixture
def gpu(unchecked, tmp_path):
    """An emulated GPU that `Engine(device="cuda")` finds; the stand-in for `_cuda`."""
    import device_engine

    with device_engine.emulated_gpu(unchecked, tmp_path) as gpu:
        yield gpu


@pytest.fixture
def receiving_node(tmp_path):
    """A DICOM receiver with limits that tests can reach."""
    from dicom_peers import Receiving

    from mcfast.node.receiver import Limits

    with Receiving(tmp_path / "queue", Limits(associations=4, object_bytes=1 << 20, seconds=30.0)) as made:
        yield made


@pytest.fixture
def node_events(caplog):
    """Gives what a DICOM node has logged so far: names and fields."""
    caplog.set_level("INFO", "mcfast.node")
    return lambda: [(one.getMessage(), one.fields) for one in caplog.records if one.name == "mcfast.node"]
