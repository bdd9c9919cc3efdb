"""Alerts: from events, drift and stalls to people and systems that shall know, each notice once."""
