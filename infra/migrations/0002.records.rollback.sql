drop table plants, telemetry, weather_runs, releases, forecasts, scores, anomalies, drift_events, rejects;
