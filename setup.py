"""The bridge from setuptools to CMakeLists.txt; everything else is stated in pyproject.toml."""

from scikit_build_core.setuptools.wrapper import setup

setup(cmake_source_dir=".")
