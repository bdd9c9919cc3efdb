"""Live weather: one source a file, and what collects from them for every registered plant."""
