"""Benchmarks of mcfast against what a user would pick instead. Start with `command.py`; `cases.py` is what is timed."""
