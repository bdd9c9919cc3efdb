do $$
begin
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        revoke all on scores from gridcast_api;
        revoke select (training_id, started_at, ended_at, outcome, because, detail, name, version) on trainings
            from gridcast_api;
        revoke select (plant_id, event_time, power_kw, corrected_kw, corrected_at, unit_ids) on telemetry
            from gridcast_api;
    end if;
end
$$;
drop function gridcast_grant();
alter function gridcast_grant_records() rename to gridcast_grant;
drop table api_audit, api_keys;
