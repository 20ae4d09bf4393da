"""Archives of any size: shards of files, processed by workers into Parquet, resumed where a run was killed.

manifest   which files, cut into shards, on disk
tables     results -> rows, shards -> folders that appear whole
shard      the pure function: files -> tables
local      workers on this machine
run        the folder of results: what it was made by, what is done, what is left
worklist   results -> a ranking of exams or images
"""
