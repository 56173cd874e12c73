"""Benchmark suites: each is a module with `run(json_path, options)`."""
