drop view actuals, unit_telemetry, weather_steps, forecast_steps, score_leads, open_anomalies;
