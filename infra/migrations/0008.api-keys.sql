-- Who may ask the API, and what was done through it. Of a key only the hash of its secret is here.
-- depends: 0007.roles

create table api_keys (
    key_id text primary key,
    name text not null,
    role text not null check (role in ('reader', 'operator', 'admin')),
    secret_sha256 text not null,
    per_minute integer check (per_minute > 0),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    rotated_from text references api_keys
);
comment on table api_keys is 'Keys of the API; made, rotated and revoked by `gridcast keys`';
comment on column api_keys.secret_sha256 is 'SHA-256 of the secret, which is 32 random bytes and stands nowhere';
comment on column api_keys.per_minute is 'Requests a minute; null: as the setting api_key_per_minute';
comment on column api_keys.last_used_at is 'To the minute';
comment on column api_keys.rotated_from is 'The key that this one replaces';

create table api_audit (
    audit_id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    who text not null,
    key_id text,
    action text not null,
    subject text not null,
    outcome text not null,
    request_id text,
    address text,
    detail jsonb not null default '{}'
);
comment on table api_audit is 'Every action: who did what to whom, and what came of it; rows are only ever added';
comment on column api_audit.who is 'Name of the key, or the user of the machine where it was the command line';

-- The default privileges of 0007 hand every new table to gridcast_reader; hashes of keys are not for it.
alter function gridcast_grant() rename to gridcast_grant_records;
create function gridcast_grant() returns text[] language plpgsql set search_path from current as $$
declare
    granted text[] := gridcast_grant_records();
begin
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        grant select on scores to gridcast_api;
        grant select (training_id, started_at, ended_at, outcome, because, detail, name, version) on trainings
            to gridcast_api;
        grant select (plant_id, event_time, power_kw, corrected_kw, corrected_at, unit_ids) on telemetry
            to gridcast_api;
        grant select on api_keys to gridcast_api;
        grant update (last_used_at) on api_keys to gridcast_api;
        grant select, insert on api_audit to gridcast_api;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_reader') then
        revoke all on api_keys from gridcast_reader;
    end if;
    return granted;
end
$$;
comment on function gridcast_grant() is 'Grants to the roles that exist what they need; for the owner of the tables';
revoke all on function gridcast_grant() from public;

do $$ begin perform gridcast_grant(); end $$;
