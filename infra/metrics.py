"""Every Prometheus metric, declared once. Counted by batch, never by event."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

REGISTRY = CollectorRegistry()
#: Memory, CPU time, open files and the start of this process, as the system tells them.
ProcessCollector(registry=REGISTRY)

_BATCH_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

RECORDS = Counter(
    "gridcast_records", "Records of a topic: all that were taken, and of them those that are a tick, late "
    "(older than their plant's newest), a repeat, a correction, forgotten (too old to tell a repeat), a new "
    "weather run, or in conflict (a run that came before with other values; the first one counts); and "
    "readings of units beyond those that a plant may have (units_ignored).", ("topic", "outcome"),
    registry=REGISTRY,
)  # fmt: skip
LOST = Gauge(
    "gridcast_lost_records", "Records that retention ate before they were read, as `--accept-loss` admits.",
    ("topic", "partition"), registry=REGISTRY,
)  # fmt: skip
REJECTED = Counter(
    "gridcast_rejected", "Records refused, by the reason's code.", ("topic", "reason"), registry=REGISTRY
)
PRODUCED = Counter("gridcast_produced", "Records acknowledged by Kafka.", ("topic",), registry=REGISTRY)
BATCH_SECONDS = Histogram(
    "gridcast_batch_seconds", "Time that one batch took, by step (decode, apply, encode, produce, whole; "
    "sink, send).", ("step",), buckets=_BATCH_S, registry=REGISTRY,
)  # fmt: skip
NEWEST_KNOWN_AT = Gauge(
    "gridcast_newest_known_at_seconds", "known_at of the newest record applied, in seconds since 1970.",
    ("topic", "partition"), registry=REGISTRY,
)  # fmt: skip
LAG_RECORDS = Gauge(
    "gridcast_lag_records", "Records behind the end of the log.", ("topic", "partition"), registry=REGISTRY
)
LAST_COMMIT = Gauge(
    "gridcast_last_commit_seconds", "When offsets were last committed, in seconds since 1970.",
    ("partition",), registry=REGISTRY,
)  # fmt: skip
LAST_CHECKPOINT = Gauge(
    "gridcast_last_checkpoint_seconds", "When checkpoints were last written, in seconds since 1970.",
    ("partition",), registry=REGISTRY,
)  # fmt: skip
RESTORE_SECONDS = Gauge(
    "gridcast_restore_seconds", "How long the last restore of a partition took.", ("partition",),
    registry=REGISTRY,
)  # fmt: skip
FORECASTS = Counter(
    "gridcast_forecasts", "Forecasts issued, by the worst rung among their steps "
    "(both, weather_only, physical_start, telemetry_only, climatology).", ("rung",), registry=REGISTRY,
)  # fmt: skip
EVENTS = Counter(
    "gridcast_anomaly_events", "Anomaly event records, by detector and phase.", ("detector", "phase"),
    registry=REGISTRY,
)  # fmt: skip
DRIFTS = Counter("gridcast_drift_events", "Drift events, by detector.", ("detector",), registry=REGISTRY)
RELEASE = Gauge(
    "gridcast_release", "1 for each release in use.", ("name", "version", "role"), registry=REGISTRY
)
PLANTS = Gauge("gridcast_plants", "Plants whose state this process holds.", registry=REGISTRY)
QUALITY = Gauge(
    "gridcast_data_quality", "Data quality 0-1 (valid, on time, complete), by plant and feed "
    "(telemetry, weather).", ("plant", "feed"), registry=REGISTRY,
)  # fmt: skip
COVERAGE = Gauge(
    "gridcast_coverage80", "Share of the last days' actuals inside the 80 % band, all plants of this process "
    "together, by lead time.", ("lead",), registry=REGISTRY,
)  # fmt: skip
COVERAGE_FORECASTS = Gauge(
    "gridcast_coverage80_forecasts", "How many forecasts that share is of, by lead time.", ("lead",),
    registry=REGISTRY,
)  # fmt: skip
PLANT_COVERAGE = Gauge(
    "gridcast_plant_coverage80", "The same share of each plant; only with the setting `coverage_by_plant`.",
    ("plant", "lead"), registry=REGISTRY,
)  # fmt: skip
SINK_ROWS = Counter("gridcast_sink_rows", "Rows inserted.", ("table",), registry=REGISTRY)
SINK_REPEATS = Counter(
    "gridcast_sink_repeats", "Rows that were there already with the same values.", ("table",),
    registry=REGISTRY,
)  # fmt: skip
SINK_CONFLICTS = Counter(
    "gridcast_sink_conflicts", "Rows that were there already with other values: an alarm.", ("table",),
    registry=REGISTRY,
)  # fmt: skip
SINK_RETRIES = Counter("gridcast_sink_retries", "Writes tried again after a failure.", registry=REGISTRY)
LIVE = Counter(
    "gridcast_live", "Messages and values of plants' own systems, by way (mqtt, opcua) and what became of "
    "them (scan, rejected, unmapped, powerless, bad_status, not_a_number, from_history, history_failed, "
    "overflow, session_lost).", ("way", "outcome"), registry=REGISTRY,
)  # fmt: skip
LIVE_CONNECTED = Gauge(
    "gridcast_live_connected", "1 while the plants' own system is connected.", ("way",), registry=REGISTRY
)
LIVE_NEWEST = Gauge(
    "gridcast_live_newest_seconds", "event_time of the newest scan of a plant that Kafka has acknowledged, "
    "in seconds since 1970.", ("plant",), registry=REGISTRY,
)  # fmt: skip
WEATHER_COLLECTIONS = Counter(
    "gridcast_weather_collections", "Collections of weather for a plant, by the source of the run and by "
    "what became of it (sent, unchanged, failed).", ("source", "outcome"), registry=REGISTRY,
)  # fmt: skip
WEATHER_CALLS = Counter(
    "gridcast_weather_calls", "Requests to a source of weather, by how they ended (ok, busy, unavailable, "
    "absurd, refused).", ("source", "outcome"), registry=REGISTRY,
)  # fmt: skip
WEATHER_CALL_SECONDS = Histogram(
    "gridcast_weather_call_seconds", "Time that a request to a source of weather took.", ("source",),
    buckets=_BATCH_S, registry=REGISTRY,
)  # fmt: skip
WEATHER_NEWEST_RUN = Gauge(
    "gridcast_weather_newest_run_seconds", "published_at of the newest run sent, in seconds since 1970.",
    ("plant",), registry=REGISTRY,
)  # fmt: skip
WEATHER_LEFT_OUT = Counter(
    "gridcast_weather_columns_left_out", "Columns of answers that cannot be true, by source and column.",
    ("source", "column"), registry=REGISTRY,
)  # fmt: skip
WEATHER_SUCCESS = Gauge(
    "gridcast_weather_success_share", "Share of the collections of the last so long (1h) that ended with a "
    "run, 0 to 1; not there before the first one.", ("span",), registry=REGISTRY,
)  # fmt: skip
WEATHER_BREAKER_OPEN = Gauge(
    "gridcast_weather_breaker_open", "1 while a source of weather is left alone after failures.", ("source",),
    registry=REGISTRY,
)  # fmt: skip

ALERT_SIGNALS = Counter(
    "gridcast_alert_signals", "Signals that the alerter has heard, by kind (the detector, drift, stall) and "
    "whether they belong to an alert (heard) or not (passed_over: repeats, history, muted).",
    ("kind", "outcome"), registry=REGISTRY,
)  # fmt: skip
ALERT_NOTICES = Counter(
    "gridcast_alert_notices", "What was to be told of alerts (raised, worse, reminder, acknowledged, "
    "cleared), by kind.", ("kind", "what"), registry=REGISTRY,
)  # fmt: skip
ALERTS_RAISED = Gauge(
    "gridcast_alerts_raised", "Alerts that are raised now, by severity.", ("severity",), registry=REGISTRY
)
ALERT_DELIVERIES = Counter(
    "gridcast_alert_deliveries", "Attempts to deliver a notice, by channel and how they ended (delivered, "
    "retried, refused, given_up, in_doubt).", ("channel", "outcome"), registry=REGISTRY,
)  # fmt: skip
ALERT_WAITING = Gauge(
    "gridcast_alert_waiting", "Notices that a channel has not delivered yet.", ("channel",), registry=REGISTRY
)
ALERT_SECONDS = Histogram(
    "gridcast_alert_seconds", "From when a notice was made until a channel had delivered it.", ("channel",),
    buckets=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0),
    registry=REGISTRY,
)  # fmt: skip

API_REQUESTS = Counter(
    "gridcast_api_requests", "Requests to the API, by route, method and status.",
    ("route", "method", "status"), registry=REGISTRY,
)  # fmt: skip
API_SECONDS = Histogram(
    "gridcast_api_seconds", "Time until a request to the API was answered, by route.", ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0), registry=REGISTRY,
)  # fmt: skip
API_REFUSED = Counter(
    "gridcast_api_refused", "Requests to the API that were turned away (no_key, wrong_key, role, key_rate, "
    "address_rate, body).", ("reason",), registry=REGISTRY,
)  # fmt: skip
API_STREAMS = Gauge("gridcast_api_streams", "Event streams that are open now.", registry=REGISTRY)
API_PREDICTIONS = Counter(
    "gridcast_api_predictions",
    "Predictions that were asked for, by what of, and status.",
    ["source", "status"],
    registry=REGISTRY,
)
API_PREDICTION_SECONDS = Histogram(
    "gridcast_api_prediction_seconds",
    "Time until a prediction was answered, by what of.",
    ["source"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
API_LATEST = Gauge(
    "gridcast_api_latest_forecasts", "Plants whose newest forecast the API holds in memory.",
    registry=REGISTRY,
)  # fmt: skip


def exposition() -> bytes:
    """Every metric in Prometheus' text format."""
    return generate_latest(REGISTRY)
