"""Predictions on request: what the API answers and what bulk jobs work off."""
