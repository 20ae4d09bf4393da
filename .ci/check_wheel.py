"""A wheel must hold the package, its weights and schema, and no path of the machine that built it."""

import os
import pathlib
import subprocess
import sys
import tempfile
import venv
import zipfile

wheel = pathlib.Path(sys.argv[1])
with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
    roots = {str(pathlib.Path.cwd()).encode(), str(pathlib.Path.home()).encode() + b"/", b"/tmp/"}
    for name in names:
        content = archive.read(name)
        for root in roots:
            assert root not in content, f"{name} holds the path {root.decode()}"
for wanted in (
    "nets/weights/vgg12.onnx",
    "nets/weights/vgg24.onnx",
    "nets/weights/context24.onnx",
    "nets/weights/fsrcnn.md",
    "result.schema.json",
    "report/viewer.js",
    "py.typed",
    "backends/gpu/kernels/gpu/mc_gpu.h",
):
    assert f"mcfast/{wanted}" in names, f"{wanted} is not in {wheel.name}"
assert not any(name.startswith(("tests/", "csrc/", "benchmarks/")) for name in names)
with tempfile.TemporaryDirectory() as folder:
    venv.create(folder, with_pip=True)
    bare = os.environ | {"PATH": "/nowhere"}
    python = pathlib.Path(folder) / "bin" / "python"
    # No compiler on the path: what is installed is what the wheel holds.
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True, env=bare)
    subprocess.run([python, "-m", "mcfast", "info"], check=True, cwd=folder, env=bare)
print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.2f} MB, no path of this machine")
