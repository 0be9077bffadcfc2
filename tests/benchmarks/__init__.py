"""The goals of speed, measured beside their floors: `python -m tests.benchmarks`."""
