"""`make chaos`: real load on real servers while everything is broken at random, and a verdict from the log.

`run.py` tells the story, `faults.py` holds what is done to it, `verdict.py` what must hold at the end.
"""
