do $$
begin
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        revoke all on unit_telemetry from gridcast_api;
    end if;
end
$$;
drop function gridcast_grant();
alter function gridcast_grant_without_units() rename to gridcast_grant;
