"""Telemetry straight from a plant's own systems: MQTT and OPC UA into the journal."""
