"""Benchmark data out of PyPI wheels, as canonical folders; nothing of it is kept in the repository."""
