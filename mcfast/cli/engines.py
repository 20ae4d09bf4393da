"""`mcfast engines`: TensorRT engines of the shipped networks, before they are needed."""

from __future__ import annotations

import argparse
from typing import Any

from mcfast.result import NOTICE

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "engines",
        help="build, list and delete TensorRT engines",
        description="Engines of the shipped networks. They are kept in MCFAST_CACHE, or ~/.cache/mcfast/engines; an "
        "engine is built once for each network, precision, set of shapes, module and version (and GPU and driver, for "
        "TensorRT 10 and 11).",
        epilog=NOTICE,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    build = actions.add_parser("build", help="build those that are missing", epilog=NOTICE)
    build.add_argument("--module", metavar="NAME", help="tensorrt or tensorrt_rtx (default: the first that is here)")
    build.add_argument("--precision", choices=("fp32", "fp16", "both"), default="both", help="default: both")
    build.add_argument("--network", action="append", metavar="NAME", help="which network (default: all that ship)")
    build.set_defaults(function=_build)
    actions.add_parser("list", help="what is there", epilog=NOTICE).set_defaults(function=_list)
    prune = actions.add_parser(
        "prune",
        help="delete engines of networks and versions that are not installed",
        description="Deletes engines that this installation cannot use: of other weights than those that ship, or of "
        "a module or version that is not here; and what interrupted builds have left.",
        epilog=NOTICE,
    )
    prune.add_argument("--all", action="store_true", help="delete all of them")
    prune.set_defaults(function=_prune)


def _build(options: argparse.Namespace) -> int:
    from time import perf_counter

    from mcfast import nets, runtimes
    from mcfast.nets.engine_form import PRECISIONS
    from mcfast.runtimes.tensorrt import engine_file, find_library, plans_for

    library = find_library(options.module)
    precisions = PRECISIONS if options.precision == "both" else (options.precision,)
    for name in options.network or nets.names():
        network = nets.weights(name)
        for plan in plans_for(runtimes.load(network, threads=1).input_shape):
            for precision in precisions:
                begin = perf_counter()
                file = engine_file(library, name, network, plan, precision=precision)
                seconds = f"built in {perf_counter() - begin:.1f} s" if file.built else "was there"
                size = file.path.stat().st_size
                print(f"{name:<8} {plan.name:<8} {precision}  {size / 1000:6.0f} kB  {seconds}", flush=True)
    print(f"engines for {library.name} {library.version} in {file.path.parent}")
    return 0


def _list(_: argparse.Namespace) -> int:
    from datetime import datetime

    from mcfast.runtimes.tensorrt.cache import EngineCache

    cache = EngineCache()
    entries = list(cache.entries())
    for entry in entries:
        key = entry.key
        made = datetime.fromtimestamp(entry.made).strftime("%Y-%m-%d %H:%M")
        print(
            f"{entry.path.stem[:12]}  {key['network']:<8} {key['plan']:<8} {key['precision']}  "
            f"{entry.size / 1000:6.0f} kB  {made}  {key['module']} {key['version']}  {key['device']}"
        )
    print(f"{len(entries)} engines in {cache.folder}")
    return 0


def _prune(options: argparse.Namespace) -> int:
    import hashlib

    from mcfast import nets
    from mcfast.errors import DeviceError
    from mcfast.runtimes.tensorrt.cache import EngineCache, Entry
    from mcfast.runtimes.tensorrt.library import MODULES, find_library

    installed = set()
    for name in MODULES:
        try:
            installed.add((name, find_library(name).version))
        except DeviceError:
            continue
    shipped = {hashlib.sha256(nets.weights(name)).hexdigest() for name in nets.names()}

    def usable(entry: Entry) -> bool:
        key = entry.key
        return key["onnx_sha256"] in shipped and (key["module"], key["version"]) in installed

    cache = EngineCache()
    gone = cache.prune((lambda _: False) if options.all else usable)
    print(f"{len(gone)} engines deleted, {sum(entry.size for entry in gone) / 1e6:.1f} MB, from {cache.folder}")
    return 0
