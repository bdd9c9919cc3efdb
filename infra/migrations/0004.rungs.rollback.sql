comment on column forecasts.rung is 'Inputs of each step: 0 both, 1 weather only, 2 telemetry only, 3 climatology';
