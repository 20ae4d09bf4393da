"""A job script for Slurm: an array job whose tasks each do one shard."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

__all__ = ["LARGEST_INDEX", "array_script", "ranges"]

LARGEST_INDEX = 1000
"""Of a job array where the cluster's MaxArraySize is Slurm's default, 1001."""


def array_script(command: Sequence[str], shards: Sequence[int], *, gpu: bool = False) -> str:
    """The script for `sbatch`.

    Parameters
    ----------
    command
        Program and arguments; `--shard` with the index of the task is added to them.
    shards
        That are left; at least one.
    gpu
        Ask for a GPU, and for processors to feed it.

    Returns
    -------
    Bash with `#SBATCH` lines. Tasks know nothing of each other; those that fail are done by submitting a new script.
    """
    needs = ["--gres=gpu:1", "--cpus-per-task=8", "--mem=16G"] if gpu else ["--cpus-per-task=1", "--mem=2G"]
    lines = [
        "#!/bin/bash",
        *(f"#SBATCH {option}" for option in ("--job-name=mcfast", f"--array={ranges(shards)}", *needs)),
        "set -euo pipefail",
        f'exec {shlex.join(command)} --shard "$SLURM_ARRAY_TASK_ID"',
    ]
    return "\n".join(lines) + "\n"


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as Slurm writes them: 0-3,7,9-12."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
