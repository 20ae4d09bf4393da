"""The version is that of the code that runs, installed or not."""

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest

import mcfast
from mcfast import version as module

ROOT = pathlib.Path(__file__).parents[1]

HIDDEN = """
import importlib.metadata
find = importlib.metadata.Distribution.from_name
def find_others(name):
    if name == "mcfast":
        raise importlib.metadata.PackageNotFoundError(name)
    return find(name)
importlib.metadata.Distribution.from_name = find_others
import mcfast
engine = mcfast.Engine(device="auto")
assert engine.record.version == mcfast.__version__ == mcfast.info()["mcfast"], engine.record.version
from mcfast.runtimes import native
assert native.version() == mcfast.__version__
print(mcfast.__version__)
"""


@pytest.fixture
def fresh():
    module.version.cache_clear()
    yield
    module.version.cache_clear()


def test_a_bare_checkout_knows_its_version():
    """Everything that tells a version does so where no package of that name is installed."""
    shown = subprocess.run([sys.executable, "-c", HIDDEN], cwd=ROOT, capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.strip() == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def placed(folder, monkeypatch, project=None):
    """The module as if its package lay in that folder, with that text as pyproject.toml beside it."""
    (folder / "mcfast").mkdir()
    copy = shutil.copy(module.__file__, folder / "mcfast" / "version.py")
    if project is not None:
        (folder / "pyproject.toml").write_text(project)
    monkeypatch.setattr(module, "__file__", str(copy))
    return module.version()


def test_a_checkout_counts_more_than_what_is_installed(fresh, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")
    assert placed(tmp_path, monkeypatch, '[project]\nname = "mcfast"\nversion = "9.8.7"\n') == "9.8.7"


@pytest.mark.parametrize(
    "project", [None, '[project]\nname = "another"\nversion = "9.8.7"\n', "not = [toml", '[project]\nname = "mcfast"\n']
)
def test_elsewhere_it_is_what_is_installed(fresh, tmp_path, monkeypatch, project):
    """As in site-packages, or in a folder of somebody else's project."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: {"mcfast": "1.0"}[name])
    assert placed(tmp_path, monkeypatch, project) == "1.0"


def test_where_nothing_tells_it_is_unknown(fresh, tmp_path, monkeypatch):
    def none_here(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", none_here)
    assert placed(tmp_path, monkeypatch) == "unknown"
    assert mcfast.__version__ == "unknown"
