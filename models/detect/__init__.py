"""Faults that can be seen in a plant's own journal: one detector a file, events in `events.py`."""
