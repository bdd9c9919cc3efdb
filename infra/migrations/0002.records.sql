-- What the sink writes: one row a record. Tables of measured or predicted time are partitioned by month; the sink
-- makes a month when its first row comes. Times are UTC ends of intervals, power is in kW, energy in kWh.
-- depends: 0001.sink-offsets

comment on table sink_offsets is 'Where the sink goes on reading; changed in the transaction that writes the rows';
comment on column sink_offsets.next_offset is 'Offset of the first record that is not in the tables yet';

create table plants (
    plant_id text not null,
    valid_from timestamptz not null,
    known_at timestamptz not null,
    kind text not null check (kind in ('wind', 'solar')),
    capacity_kw double precision not null,
    resolution_s integer not null,
    latitude double precision,
    longitude double precision,
    issue_every_s integer not null,
    scan_s integer,
    min_kw double precision,
    hub_height_m double precision,
    tilt_deg double precision,
    azimuth_deg double precision,
    timezone text,
    journal_partition integer not null,
    journal_offset bigint not null,
    primary key (plant_id, valid_from, known_at)
);
comment on table plants is 'The registry: what holds of a plant from valid_from on; of two the newest known_at';
comment on column plants.capacity_kw is 'Nameplate capacity of the plant [kW]';
comment on column plants.resolution_s is 'Length of the intervals that power is averaged over [s]';
comment on column plants.issue_every_s is 'Time between two forecasts [s]';
comment on column plants.scan_s is 'Usual time between two telemetry records [s]';
comment on column plants.min_kw is 'Lowest power that the meter shows [kW], negative for own consumption';
comment on column plants.latitude is 'Degrees north';
comment on column plants.longitude is 'Degrees east';
comment on column plants.hub_height_m is 'Height of the rotor hubs above ground [m]';
comment on column plants.tilt_deg is 'Tilt of the modules from horizontal [degrees]';
comment on column plants.azimuth_deg is 'Direction the modules face [degrees clockwise from north]';
comment on column plants.timezone is 'IANA name, for days in reports only';

create table telemetry (
    plant_id text not null,
    event_time timestamptz not null,
    known_at timestamptz not null,
    power_kw double precision,
    setpoint_kw double precision,
    wind_speed_ms double precision,
    temperature_c double precision,
    poa_irradiance_w_m2 double precision,
    unit_ids text[] not null,
    unit_power_kw double precision[] not null,
    unit_wind_speed_ms double precision[] not null,
    journal_partition integer not null,
    journal_offset bigint not null,
    corrected_kw double precision,
    corrected_at timestamptz,
    corrected_offset bigint,
    primary key (plant_id, event_time)
) partition by range (event_time);
comment on table telemetry is 'Accepted scans as they were first sent; refused ones are in rejects, never here';
comment on column telemetry.event_time is 'End of the interval that the values are of';
comment on column telemetry.known_at is 'When the record was known to its producer';
comment on column telemetry.power_kw is 'Power at the metering point [kW] as first sent; null where missing';
comment on column telemetry.setpoint_kw is 'Highest power the plant was allowed [kW]';
comment on column telemetry.wind_speed_ms is 'Wind speed [m/s]';
comment on column telemetry.temperature_c is 'Air temperature [degrees C]';
comment on column telemetry.poa_irradiance_w_m2 is 'Irradiance on the plane of the modules [W/m2]';
comment on column telemetry.unit_ids is 'Units (turbines, inverters) that reported, in the order of the unit arrays';
comment on column telemetry.unit_power_kw is 'Power of each unit [kW], NaN where missing';
comment on column telemetry.unit_wind_speed_ms is 'Wind speed at each unit [m/s], NaN where missing';
comment on column telemetry.corrected_kw is 'Power [kW] of the newest correction; counts when corrected_at is set';
comment on column telemetry.corrected_at is 'When the newest correction was known; null when there was none';
comment on column telemetry.corrected_offset is 'Journal offset of the newest correction';

create table weather_runs (
    plant_id text not null,
    source text not null,
    published_at timestamptz not null,
    known_at timestamptz not null,
    valid_at timestamptz[] not null,
    column_names text[] not null,
    column_values double precision[] not null,
    point_ids text[] not null,
    point_latitudes double precision[] not null,
    point_longitudes double precision[] not null,
    point_column_counts integer[] not null,
    point_column_names text[] not null,
    point_column_values double precision[] not null,
    journal_partition integer not null,
    journal_offset bigint not null,
    primary key (plant_id, source, published_at)
) partition by range (published_at);
comment on table weather_runs is 'Numerical forecasts for a plant and for other grid points of its area';
comment on column weather_runs.published_at is 'When the run was published; an issue at or after it may use it';
comment on column weather_runs.valid_at is 'Ends of the intervals that the values are of';
comment on column weather_runs.column_names is 'Weather columns, each name with its unit';
comment on column weather_runs.column_values is 'Column after column, each as long as valid_at; NaN where missing';
comment on column weather_runs.point_ids is 'Other grid points of the area';
comment on column weather_runs.point_latitudes is 'Degrees north of each point, NaN where unknown';
comment on column weather_runs.point_longitudes is 'Degrees east of each point, NaN where unknown';
comment on column weather_runs.point_column_counts is 'How many columns each point has';
comment on column weather_runs.point_column_names is 'Columns of the first point, then of the next';
comment on column weather_runs.point_column_values is 'Values in the order of point_column_names, each as long as valid_at';

create table releases (
    name text not null,
    version text not null,
    valid_from timestamptz not null,
    known_at timestamptz not null,
    role text not null check (role in ('champion', 'shadow', 'withdrawn')),
    artifact_sha256 text not null,
    artifact_bytes bigint not null,
    plants text[] not null,
    manifest jsonb not null,
    primary key (name, valid_from)
);
comment on table releases is 'Model releases and what each does from valid_from on';
comment on column releases.role is 'champion publishes, shadow runs beside it, withdrawn does nothing any more';
comment on column releases.artifact_bytes is 'Size of the artifact [bytes]';
comment on column releases.plants is 'Plants that the release is for; empty means every plant';

create table forecasts (
    plant_id text not null,
    issued_at timestamptz not null,
    model text not null,
    version text not null,
    known_at timestamptz not null,
    release_sha256 text not null,
    plant_valid_from timestamptz not null,
    capacity_kw double precision not null,
    valid_at timestamptz[] not null,
    interval_s integer[] not null,
    rung smallint[] not null,
    levels double precision[] not null,
    power_kw double precision[] not null,
    available_kw double precision[] not null,
    telemetry_offset bigint not null,
    telemetry_at timestamptz,
    run_source text,
    run_published_at timestamptz,
    telemetry_quality double precision,
    weather_quality double precision,
    stale boolean not null,
    primary key (plant_id, issued_at, model, version)
) partition by range (issued_at);
-- 700 numbers that differ in every digit: to try to compress them takes longer than to write them.
alter table forecasts alter column power_kw set storage external;
comment on table forecasts is 'One row a forecast, its steps in arrays; forecast_steps has one row a step';
comment on column forecasts.known_at is 'When the record that triggered the forecast was known';
comment on column forecasts.capacity_kw is 'Capacity of the plant that the forecast was made for [kW]';
comment on column forecasts.valid_at is 'End of the interval of each step';
comment on column forecasts.interval_s is 'Length of the interval of each step [s]';
comment on column forecasts.rung is 'Inputs of each step: 0 both, 1 weather only, 2 telemetry only, 3 climatology';
comment on column forecasts.levels is 'Quantile levels';
comment on column forecasts.power_kw is 'Mean power [kW] that the meter will show: the levels of the first step, then of the next';
comment on column forecasts.available_kw is 'Median [kW] before limits and outages, a value a step; empty where equal';
comment on column forecasts.telemetry_offset is 'Journal offset of the newest telemetry used, -1 for none';
comment on column forecasts.telemetry_quality is 'Quality score of the telemetry feed, 0 to 1';
comment on column forecasts.weather_quality is 'Quality score of the weather feed, 0 to 1';
comment on column forecasts.stale is 'Issued after its first valid_at, in a catch-up';

create table scores (
    plant_id text not null,
    valid_at timestamptz not null,
    known_at timestamptz not null,
    actual_kw double precision[] not null,
    capacity_kw double precision not null,
    lead_s integer[] not null,
    issued_at timestamptz[] not null,
    model text[] not null,
    version text[] not null,
    rung smallint[] not null,
    median_kw double precision[] not null,
    pinball_kw double precision[] not null,
    low_kw double precision[] not null,
    high_kw double precision[] not null,
    inside boolean[] not null,
    primary key (plant_id, valid_at)
) partition by range (valid_at);
comment on table scores is 'Forecasts against the actual that they met, lead times in arrays; score_leads has a row a lead time';
comment on column scores.actual_kw is 'Mean power measured over the step''s interval that ends at valid_at [kW]';
comment on column scores.lead_s is 'Lead times [s], in the order of the other arrays';
comment on column scores.median_kw is 'Median forecast [kW]';
comment on column scores.pinball_kw is 'Pinball loss, mean over the levels [kW]';
comment on column scores.low_kw is 'Quantile 0.1 [kW]';
comment on column scores.high_kw is 'Quantile 0.9 [kW]';
comment on column scores.inside is 'Whether the actual lies in the band from low_kw to high_kw';

create table anomalies (
    plant_id text not null,
    unit_id text not null,
    detector text not null,
    started_at timestamptz not null,
    sequence integer not null,
    phase text not null check (phase in ('open', 'update', 'close')),
    event_time timestamptz not null,
    known_at timestamptz not null,
    severity text not null check (severity in ('info', 'warning', 'critical')),
    expected_kw double precision,
    actual_kw double precision,
    energy_kwh double precision not null,
    evidence jsonb not null,
    message text not null,
    primary key (plant_id, unit_id, detector, started_at, sequence)
) partition by range (started_at);
comment on table anomalies is 'Every record of every anomaly event: 0 opens it, then updates, the last closes it';
comment on column anomalies.unit_id is 'Unit of the plant, empty for the plant as a whole';
comment on column anomalies.expected_kw is 'Power expected at event_time [kW]';
comment on column anomalies.actual_kw is 'Power measured at event_time [kW]';
comment on column anomalies.energy_kwh is 'Energy at stake since the event opened [kWh]';
comment on column anomalies.evidence is 'Numbers that the detector looked at, each name with its unit';

create table drift_events (
    plant_id text not null,
    detector text not null,
    subject text not null,
    event_time timestamptz not null,
    known_at timestamptz not null,
    statistic double precision not null,
    p_value double precision,
    before double precision not null,
    after double precision not null,
    model text not null,
    version text not null,
    message text not null,
    primary key (plant_id, detector, subject, event_time, model, version)
);
comment on table drift_events is 'Changes of the forecast error or of an input';
comment on column drift_events.subject is 'error, or the name of the input that changed';
comment on column drift_events.before is 'Level of the subject before the change';
comment on column drift_events.after is 'Level of the subject after the change';

create table rejects (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    key bytea,
    payload bytea not null,
    reason text not null,
    detail text not null,
    plant_id text,
    schema_id bigint,
    written_at timestamptz not null default now(),
    primary key (topic, partition, "offset")
);
comment on table rejects is 'Records that were refused, byte for byte, with where they stood and why';
comment on column rejects.reason is 'Code of the reason, see schemas/errors.py';
create index rejects_by_plant on rejects (plant_id, written_at);
