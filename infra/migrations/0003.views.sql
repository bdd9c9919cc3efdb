-- Rows of arrays as rows of values, for people and for plots.
-- depends: 0002.records

create view actuals as
select
    plant_id,
    event_time,
    case when corrected_at is null then power_kw else corrected_kw end as power_kw,
    power_kw as first_kw,
    known_at,
    corrected_at
from telemetry;
comment on view actuals is 'Power measured [kW], corrections applied; first_kw is what was sent first';

create view unit_telemetry as
select
    t.plant_id,
    u.unit_id,
    t.event_time,
    nullif(u.power_kw, 'NaN') as power_kw,
    nullif(u.wind_speed_ms, 'NaN') as wind_speed_ms,
    t.known_at
from telemetry t
cross join lateral unnest(t.unit_ids, t.unit_power_kw, t.unit_wind_speed_ms)
    as u (unit_id, power_kw, wind_speed_ms);
comment on view unit_telemetry is 'One row a unit and scan: kW and m/s';

create view weather_steps as
select
    r.plant_id,
    r.source,
    r.published_at,
    r.valid_at[v.step] as valid_at,
    c.name,
    nullif(r.column_values[(c.place - 1) * cardinality(r.valid_at) + v.step], 'NaN') as value
from weather_runs r
cross join lateral unnest(r.column_names) with ordinality as c (name, place)
cross join lateral generate_series(1, cardinality(r.valid_at)) as v (step);
comment on view weather_steps is 'One row a value of a run at the plant itself; the unit is in the name';

create view forecast_steps as
select
    f.plant_id,
    f.issued_at,
    f.model,
    f.version,
    s.step::integer as step,
    s.valid_at,
    f.interval_s[s.step] as interval_s,
    f.rung[s.step] as rung,
    f.power_kw[(s.step - 1) * l.size + array_position(f.levels, 0.1::double precision)] as p10_kw,
    f.power_kw[(s.step - 1) * l.size + array_position(f.levels, 0.5::double precision)] as p50_kw,
    f.power_kw[(s.step - 1) * l.size + array_position(f.levels, 0.9::double precision)] as p90_kw,
    coalesce(
        f.available_kw[s.step],
        f.power_kw[(s.step - 1) * l.size + array_position(f.levels, 0.5::double precision)]
    ) as available_kw,
    f.levels,
    f.power_kw[(s.step - 1) * l.size + 1 : s.step * l.size] as power_kw,
    f.stale
from forecasts f
cross join lateral (select cardinality(f.levels) as size) as l
cross join lateral unnest(f.valid_at) with ordinality as s (valid_at, step);
comment on view forecast_steps is 'One row a step of a forecast: P10, P50, P90 and all levels [kW]; null where a level is not published';

create view score_leads as
select
    s.plant_id,
    s.valid_at,
    s.capacity_kw,
    l.actual_kw,
    l.lead_s,
    l.issued_at,
    l.model,
    l.version,
    l.rung,
    l.median_kw,
    l.pinball_kw,
    l.low_kw,
    l.high_kw,
    l.inside
from scores s
cross join lateral unnest(
    s.lead_s, s.issued_at, s.model, s.version, s.rung, s.median_kw, s.pinball_kw, s.low_kw, s.high_kw, s.inside,
    s.actual_kw
) as l (lead_s, issued_at, model, version, rung, median_kw, pinball_kw, low_kw, high_kw, inside, actual_kw);
comment on view score_leads is 'One row a score: plant, time and lead time [s]';

create view open_anomalies as
select newest.*
from (
    select distinct on (plant_id, unit_id, detector, started_at) *
    from anomalies
    order by plant_id, unit_id, detector, started_at, sequence desc
) as newest
where newest.phase <> 'close';
comment on view open_anomalies is 'The newest record of each anomaly event that has not closed';
