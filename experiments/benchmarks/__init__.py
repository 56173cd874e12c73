"""Benchmark suites: each a module with `run(json_path, quick)`."""
