"""Every name and parameter that the adapter uses, in NVIDIA's real modules: 10.16, 11.4 and RTX.

The bindings of TensorRT come from PyPI, its libraries do not. Nine functions that do nothing, under the libraries'
names, let the bindings be imported, and so be looked at.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess
import sys

import fake_tensorrt
import pytest

STAND_IN = """
#include <stddef.h>
#define NOTHING(name) void *name(void) { return NULL; }
NOTHING(createInferBuilder_INTERNAL)
NOTHING(createInferRefitter_INTERNAL)
NOTHING(createInferRuntime_INTERNAL)
NOTHING(createNvOnnxParserRefitter_INTERNAL)
NOTHING(createNvOnnxParser_INTERNAL)
NOTHING(getBuilderPluginRegistry)
NOTHING(getPluginRegistry)
int getNvOnnxParserVersion(void) { return 0; }
int initLibNvInferPlugins(void *logger, const char *name) { return 0; }
"""

LOOK = """
import importlib, inspect, json, re, sys
module = importlib.import_module(sys.argv[1])
missing = []
for kind, name, parameters in json.load(sys.stdin):
    member = getattr(module, kind, None)
    for part in name.split("."):
        member = getattr(member, part, None)
    if member is None:
        missing.append(f"{kind}.{name} is not there")
        continue
    if parameters is None:
        continue
    # The first line of an overload's docstring, and of each of its cases, is the signature in the bindings' words.
    signatures = [line for line in (member.__doc__ or "").splitlines() if name + "(" in line and "->" in line]
    named = [re.findall(r"(\\w+): ", signature.split("->")[0]) for signature in signatures]
    if signatures and not any(all(one in names for one in parameters) for names in named):
        missing.append(f"{kind}.{name}: expected parameters {parameters}, got {signatures}")
print(json.dumps([module.__version__, missing]))
"""


def _look(module, contract, **environment):
    done = subprocess.run(
        [sys.executable, "-c", LOOK, module],
        input=json.dumps(contract),
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _bindings(major: int) -> pathlib.Path:
    root = pathlib.Path(os.environ.get("MCFAST_TENSORRT_BINDINGS", pathlib.Path(__file__).parents[1] / "out/bindings"))
    folder = root / str(major)
    if not (folder / "tensorrt_bindings").is_dir():
        pytest.skip(f"no bindings of TensorRT {major} at {folder}; pip install --no-deps --target there")
    return folder


@pytest.fixture
def stand_ins(tmp_path):
    if shutil.which("gcc") is None:
        pytest.skip("no gcc to compile the libraries' stand-ins")
    source = tmp_path / "nothing.c"
    source.write_text(STAND_IN)
    for major in (10, 11):
        for library in ("nvinfer", "nvonnxparser", "nvinfer_plugin"):
            target = tmp_path / f"lib{library}.so.{major}"
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", target, source], check=True)
    return tmp_path


@pytest.mark.parametrize("major", [10, 11])
def test_tensorrt_has_all_that_is_called(major, stand_ins):
    version, missing = _look(
        "tensorrt_bindings",
        fake_tensorrt.contract(),
        PYTHONPATH=str(_bindings(major)),
        LD_LIBRARY_PATH=str(stand_ins),
    )
    assert version.startswith(f"{major}.")
    assert missing == []


def test_tensorrt_rtx_has_all_that_is_called():
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt-rtx is not installed")
    contract = [*fake_tensorrt.contract(), *fake_tensorrt.contract(rtx=True)]
    version, missing = _look("tensorrt_rtx", contract)
    assert version.startswith("1.")
    assert missing == []


def test_the_contract_notices_what_is_gone(stand_ins):
    """TensorRT 11 has dropped FP16 and the calibrators; a changed parameter is noticed as well."""
    contract = [("BuilderFlag", "FP16", None), ("IInt8Calibrator", "get_batch", None)]
    contract.append(("IOptimizationProfile", "set_shape", ["input", "smallest"]))
    _, missing = _look("tensorrt_bindings", contract, PYTHONPATH=str(_bindings(11)), LD_LIBRARY_PATH=str(stand_ins))
    assert len(missing) == 3
    assert missing[0] == "BuilderFlag.FP16 is not there"
    assert "expected parameters ['input', 'smallest']" in missing[2]


def test_the_contract_is_not_empty():
    names = {f"{kind}.{name}" for kind, name, _ in fake_tensorrt.contract()}
    assert {"Builder.build_serialized_network", "Runtime.deserialize_cuda_engine", "OnnxParser.parse"} <= names
    assert "ICudaEngine.create_execution_context" not in names, "its parameter is RTX's alone"
    names = {f"{kind}.{name}" for kind, name, _ in fake_tensorrt.contract(rtx=True)}
    assert {"IRuntimeCache.deserialize", "ICudaEngine.create_runtime_config"} <= names
    names = {f"{kind}.{name}" for kind, name, _ in fake_tensorrt.contract()}
    assert {"NetworkDefinitionCreationFlag.STRONGLY_TYPED", "ILogger.Severity.ERROR"} <= names
