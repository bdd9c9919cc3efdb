-- A plant or a source that nothing was trained on has a rung of its own.
-- depends: 0003.views
comment on column forecasts.rung is
    'What each step was made of: 0 both inputs, 1 weather only, 2 telemetry only, 3 climatology, 4 physical start';
