-- The API tells what each unit measured.
-- depends: 0010.jobs

alter function gridcast_grant() rename to gridcast_grant_without_units;
create function gridcast_grant() returns text[] language plpgsql set search_path from current as $$
declare
    granted text[] := gridcast_grant_without_units();
begin
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        grant select on unit_telemetry to gridcast_api;
    end if;
    return granted;
end
$$;
comment on function gridcast_grant() is 'Grants to the roles that exist what they need; for the owner of the tables';
revoke all on function gridcast_grant() from public;

do $$ begin perform gridcast_grant(); end $$;
