"""The benchmarks, one module each, reached through scripts/benchmark.py."""
