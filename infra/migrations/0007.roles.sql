-- Group roles with what each part of gridcast needs and no more; docs/security.md says how to use them.
-- Roles belong to the cluster, so they may be there already. Who migrates may lack CREATEROLE: then nothing is granted,
-- until somebody makes the roles and the owner of the tables runs `select gridcast_grant();`.
-- depends: 0006.published-scores

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'gridcast_worker', 'gridcast_sink', 'gridcast_training', 'gridcast_api', 'gridcast_reader'
    ] loop
        if not exists (select from pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when insufficient_privilege then
                    raise notice 'role % is missing, and only who has CREATEROLE can make it', wanted;
                when duplicate_object or unique_violation then
                    null;  -- the migration of another database was faster
            end;
        end if;
    end loop;
end
$$;

-- Attaching a partition takes the owner of its table. A sink is not that: it may ask for months, and for nothing else.
-- The schema is the one that the tables were made in, and pg_temp comes last, or a sink could put its own in their place.
do $outer$
begin
    execute format($made$
        create function gridcast_make_month(parent text, month date) returns text
        language plpgsql security definer set search_path = pg_catalog, %1$I, pg_temp as $body$
        declare
            name text := parent || to_char(month, '_YYYY_MM');
            first date := date_trunc('month', month);
        begin
            if parent not in ('telemetry', 'weather_runs', 'forecasts', 'scores', 'anomalies') then
                raise insufficient_privilege using message = 'gridcast makes no months of ' || parent;
            end if;
            if first < date '2000-01-01' or first >= date '2100-01-01' then
                raise datetime_field_overflow using message = first || ' lies outside of 2000 to 2099';
            end if;
            execute format(
                'create table %1$I.%%I (like %1$I.%%I including defaults including constraints including storage)',
                name, parent
            );
            execute format(
                'alter table %1$I.%%I attach partition %1$I.%%I for values from (%%L) to (%%L)', parent, name,
                first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00'
            );
            return name;
        end
        $body$
    $made$, current_schema());
end
$outer$;
comment on function gridcast_make_month(text, date) is 'Makes and attaches the partition of a month; for the sink';
revoke all on function gridcast_make_month(text, date) from public;

create function gridcast_grant() returns text[] language plpgsql set search_path from current as $$
declare
    granted text[] := '{}';
begin
    if exists (select from pg_roles where rolname = 'gridcast_sink') then
        grant select, insert on plants, telemetry, weather_runs, releases, forecasts, scores, anomalies, drift_events,
            rejects, sink_offsets to gridcast_sink;
        grant update (corrected_kw, corrected_at, corrected_offset) on telemetry to gridcast_sink;
        grant update (next_offset, written_at) on sink_offsets to gridcast_sink;
        grant execute on function gridcast_make_month(text, date) to gridcast_sink;
        granted := granted || 'gridcast_sink'::text;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_training') then
        grant select on plants, telemetry, weather_runs, releases, forecasts, scores, anomalies, drift_events, rejects,
            trainings, actuals, unit_telemetry, weather_steps, forecast_steps, score_leads, open_anomalies
            to gridcast_training;
        grant insert on trainings to gridcast_training;
        granted := granted || 'gridcast_training'::text;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        grant select on plants, releases, forecasts, drift_events, anomalies, actuals, forecast_steps, score_leads,
            open_anomalies to gridcast_api;
        granted := granted || 'gridcast_api'::text;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_reader') then
        grant select on plants, telemetry, weather_runs, releases, forecasts, scores, anomalies, drift_events, rejects,
            trainings, sink_offsets, actuals, unit_telemetry, weather_steps, forecast_steps, score_leads,
            open_anomalies to gridcast_reader;
        -- Tables to come, and the months that the owner makes for the sink: to read them one by one, as a dump does.
        execute format('alter default privileges in schema %I grant select on tables to gridcast_reader',
            current_schema());
        granted := granted || 'gridcast_reader'::text;
    end if;
    return granted;  -- gridcast_worker has nothing to do here: a worker never connects
end
$$;
comment on function gridcast_grant() is 'Grants to the roles that exist what they need; for the owner of the tables';
revoke all on function gridcast_grant() from public;

do $$ begin perform gridcast_grant(); end $$;
