-- The roles stay: other databases of the cluster may use them, and users may be in them.
do $$
declare
    one text;
begin
    for one in
        select rolname from pg_roles
        where rolname in ('gridcast_sink', 'gridcast_training', 'gridcast_api', 'gridcast_reader')
    loop
        execute format('revoke all on all tables in schema %I from %I', current_schema(), one);
        execute format('revoke all on all functions in schema %I from %I', current_schema(), one);
    end loop;
    if exists (select from pg_roles where rolname = 'gridcast_reader') then
        execute format('alter default privileges in schema %I revoke select on tables from gridcast_reader',
            current_schema());
    end if;
end
$$;
drop function gridcast_grant();
drop function gridcast_make_month(text, date);
