"""The version of the code that runs: stated once, in pyproject.toml."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

__all__ = ["version"]


@lru_cache(maxsize=1)
def version() -> str:
    """That of the checkout which this package lies in, else that of the installed package.

    A checkout need not be installed, and one that is may have moved on since. `"unknown"` where neither tells, as for
    a copy of the package's folder alone.
    """
    import tomllib

    try:
        project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]
        if project["name"] == "mcfast":
            return str(project["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from importlib import metadata

    try:
        return metadata.version("mcfast")
    except metadata.PackageNotFoundError:
        return "unknown"
