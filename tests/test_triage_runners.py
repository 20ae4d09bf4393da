"""Where a triage runs: workers and devices of this machine, and a Slurm job array, task by task."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from triage_archive import rows

from mcfast import Config, _core
from mcfast.cli import main
from mcfast.errors import ConfigError, DeviceError
from mcfast.triage.layout import Layout, layout, record_on
from mcfast.triage.run import opened
from mcfast.triage.shard import process_shard
from mcfast.triage.slurm import array_script, ranges
from mcfast.triage.tables import TABLES, shard_folder

CONFIG = Config(magnify="none")


def indices(script):
    """The tasks of a job array, as sbatch reads them."""
    (text,) = re.findall(r"^#SBATCH --array=(\S+)$", script, re.MULTILINE)
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def test_the_tasks_of_a_job_array_give_the_rows_of_one_machine(archive, triaged, tmp_path, capsys):
    """The printed script, run by bash as Slurm would, two tasks at a time; then the one that was not run."""
    results = tmp_path / "results"
    shutil.copytree(triaged, results)
    for number in (0, 2, 3, 5):
        shutil.rmtree(shard_folder(results, number))
    options = ["triage", str(archive), "--out", str(results), "--shard-size", "5", "--runner", "slurm-array"]
    assert main(options) == 0
    script = capsys.readouterr().out
    assert script.startswith("#!/bin/bash\n#SBATCH --job-name=mcfast\n#SBATCH --array=0,2-3,5\n")

    def run(*tasks):
        common = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environments = [{**os.environ, "SLURM_ARRAY_TASK_ID": str(task)} for task in tasks]
        for one in [subprocess.Popen(["bash", "-c", script], env=each, **common) for each in environments]:
            said, errors = one.communicate()
            assert one.returncode == 0, errors
            assert re.fullmatch(r"shard \d is done\n", said)

    run(0, 5)
    run(2)
    assert main(options) == 0
    script = capsys.readouterr().out
    assert indices(script) == [3]
    run(3)
    for table in TABLES:
        assert rows(results, table) == rows(triaged, table)
    assert main(options) == 0
    assert capsys.readouterr() == ("", "mcfast: every shard is done; there is nothing to submit\n")
    assert main([*options[:6], "--shard", "2"]) == 0
    assert capsys.readouterr().out == "shard 2 is done; nothing was left\n"


def test_a_shard_alone(archive, triaged, tmp_path, capsys):
    one = ["triage", str(archive), "--shard-size", "5", "--shard"]
    assert main([*one, "0", "--out", str(tmp_path / "new")]) == 1
    assert "no files are listed there yet; run the same without --shard first" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main([*one, "6", "--out", str(triaged)]) == 1
    assert "--shard: expected 0 to 5, got 6" in capsys.readouterr().err
    assert main([*one, "0", "--out", str(triaged), "--runner", "ray"]) == 1
    assert "--shard: expected --runner local, got ray" in capsys.readouterr().err
    assert main(["triage", str(archive), "--shard-size", "7", "--shard", "0", "--out", str(triaged)]) == 1
    assert "holds the results of another run (shard_size was 5, is 7)" in capsys.readouterr().err
    with (
        opened(archive, triaged, CONFIG, shard_size=5, shard=1) as first,
        opened(archive, triaged, CONFIG, shard_size=5, shard=2) as second,  # tasks share the folder
        pytest.raises(ConfigError, match="another triage works here"),
        opened(archive, triaged, CONFIG, shard_size=5),
    ):
        pass
    assert first.left == second.left == []
    assert shard_folder(triaged, 1).is_dir()


def test_job_scripts(archive, tmp_path, capsys):
    assert ranges([0, 1, 2, 3, 7, 9, 10]) == "0-3,7,9-10"
    script = array_script(["my program", "triage", "a b"], [4], gpu=True)
    assert "#SBATCH --array=4\n#SBATCH --gres=gpu:1\n#SBATCH --cpus-per-task=8\n" in script
    assert script.endswith("""exec 'my program' triage 'a b' --shard "$SLURM_ARRAY_TASK_ID"\n""")
    subprocess.run(["bash", "-n", "-c", script], check=True)
    paths = tmp_path / "many.txt"
    paths.write_text("".join(f"{number}.dcm\n" for number in range(1002)))
    options = ["--shard-size", "1", "--spacing-mm", "0.07", "--any-modality", "--limit", "1002"]
    assert main(["triage", str(paths), "--out", str(tmp_path / "o"), "--runner", "slurm-array", *options]) == 0
    said = capsys.readouterr()
    assert "the last index is 1001, and Slurm's own MaxArraySize allows 1000; a larger --shard-size" in said.err
    command = f"{sys.executable} -m mcfast triage {paths} --out {tmp_path / 'o'} --limit 1002 --shard-size 1 "
    assert f"exec {command}--spacing-mm 0.07 --device cpu --any-modality --shard" in said.out


def test_a_folder_named_from_another_place(archive, tmp_path, monkeypatch, capsys):
    """Rows bear whole paths: who goes on with the run, or draws the worklist, may stand elsewhere."""
    monkeypatch.chdir(archive.parent)
    with opened(archive.relative_to(archive.parent), tmp_path / "out", CONFIG, limit=3) as plan:
        assert plan.manifest.shard(0)[0] == str(archive / "a" / "0.dcm")


def test_one_engine_on_a_gpu_is_fed_by_all_processors(engine):
    processors = _core.default_threads()
    on_gpu = replace(engine.record, device="cuda:0")
    assert layout(on_gpu, "cuda") == Layout(1, "cuda", processors, processors)
    assert layout(on_gpu, "auto", 2).workers == 2
    found = layout(engine.record, "auto")
    assert 1 <= found.workers <= processors
    assert (found.threads, found.loaders) == (1, 1)
    assert layout(engine.record, "cpu", 7) == Layout(7, "cpu")


def test_more_loaders_give_the_same_rows(archive, engine):
    paths = sorted(str(path) for path in (archive / "b").iterdir())

    def without_seconds(found):
        return [[{k: v for k, v in one["images"][0].items() if "seconds" not in k}, one["clusters"]] for one in found]

    assert without_seconds(process_shard(engine, paths, loaders=4)) == without_seconds(process_shard(engine, paths))


def test_a_device_that_is_not_there(archive, tmp_path, capsys, monkeypatch):
    """The reason is told, and the processors do it; without them too there is nothing to be done."""
    import mcfast.engine

    real = mcfast.engine.Engine

    def without_gpu(config, device="auto", **more):
        if device == "cuda":
            raise DeviceError("no driver answers")
        return real(config, device, **more)

    monkeypatch.setattr(mcfast.engine, "Engine", without_gpu)
    record, device, reason = record_on(CONFIG, "cuda")
    assert (record.device, device, reason) == ("cpu", "cpu", "no driver answers")
    assert record_on(CONFIG, "auto")[1:] == ("auto", None)
    options = ["triage", str(archive), "--out", str(tmp_path / "o"), "--device", "cuda", "--limit", "2"]
    assert main([*options, "--dry-run"]) == 0
    said = capsys.readouterr()
    assert said.err == "mcfast: --device cuda: no driver answers; the CPU does it\n"
    assert "2 files in 1 shards" in said.out

    def nowhere(*_, **__):
        raise DeviceError("no runtime")

    monkeypatch.setattr(mcfast.engine, "Engine", nowhere)
    with pytest.raises(DeviceError, match="no runtime"):
        record_on(CONFIG, "cpu")


def test_results_of_a_gpu_and_of_the_cpu_do_not_mix(archive, triaged, engine):
    other = replace(engine.record, device="cuda:0", configuration_hash=CONFIG.hash())
    with (
        pytest.raises(ConfigError, match=r"\(device was cpu, is gpu\)"),
        opened(archive, triaged, CONFIG, shard_size=5, record=other),
    ):
        pass


def test_a_run_that_was_killed_while_it_listed_the_files(archive, tmp_path):
    (tmp_path / ".manifest.parquet.77").write_bytes(b"half")
    (tmp_path / ".triage.json.0123").write_bytes(b"ha")
    with opened(archive, tmp_path, CONFIG) as plan:
        assert plan.manifest.files == 28
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "manifest.parquet", "triage.json"]
