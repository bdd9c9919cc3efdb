"""Public benchmarks, and what forecasts are compared with; no part of what is installed."""
