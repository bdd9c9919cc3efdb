"""Faust workers: the journal in batches in, forecasts, events and checkpoints out."""
