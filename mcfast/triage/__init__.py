"""Archives of any size: shards of files, processed by workers into Parquet, resumed where a run was killed.

manifest   which files, cut into shards, on disk
tables     results -> rows, shards -> folders that appear whole
shard      the pure function: files -> tables
layout     how many workers of which kind, and on which device
run        the folder of results: what it was made by, what is done, what is left
local      workers on this machine
ray_runner, ray_workers   the same over a Ray cluster
slurm      the same as a job array
worklist   results -> a ranking of exams or images
"""
