"""A small archive with broken files in it, and the rows of a folder of results."""

import pyarrow.parquet

from mcfast import phantom


def make_archive(folder):
    """28 files in three folders: four mammograms under different names, and four kinds of bad ones."""
    kinds = []
    for seed in range(4):
        path = folder / f"one-{seed}.dcm"
        phantom.mammogram(seed, shape=(300, 220), clusters=seed % 2, label=False).save_dicom(path)
        kinds.append(path.read_bytes())
        path.unlink()
    bad = {"empty.dcm": b"", "cut.dcm": kinds[0][:5000], "notes.txt": b"no mammogram", "head.dcm": kinds[1][:200]}
    for sub in ("a", "b", "c"):
        (folder / sub).mkdir()
        for number in range(8):
            (folder / sub / f"{number}.dcm").write_bytes(kinds[(number + len(sub)) % 4])
    for name, content in bad.items():
        (folder / "b" / name).write_bytes(content)
    (folder / ".hidden.dcm").write_bytes(kinds[0])
    (folder / "loop").symlink_to(folder / "a")
    return folder


def rows(results, table="images", seconds=False):
    """The rows of a table, shard by shard, without the seconds: they are never the same."""
    found = []
    for shard in sorted((results / "shards").glob("shard-*")):
        found += pyarrow.parquet.read_table(shard / f"{table}.parquet").to_pylist()
    return [{k: v for k, v in row.items() if seconds or not k.startswith("seconds")} for row in found]
