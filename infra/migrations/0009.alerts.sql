-- Alerts, what is to be told of them, and to whom it got through; written by `gridcast alerts`.
-- depends: 0008.api-keys

create table alert_offsets (
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    written_at timestamptz not null default now(),
    primary key (topic, partition)
);
comment on table alert_offsets is 'Where the alerter goes on reading; changed in the transaction that writes the alerts';

create table alerts (
    alert_id text primary key,
    kind text not null,
    plant_id text not null,
    unit_id text not null,
    subject text not null,
    topic text not null,
    partition integer not null,
    rule text not null,
    state text not null check (state in ('watching', 'raised', 'cleared', 'passed')),
    severity text not null check (severity in ('info', 'warning', 'critical')),
    told_severity text not null check (told_severity in ('info', 'warning', 'critical')),
    energy_before_kwh double precision not null,
    energy_kwh double precision not null,
    started_at timestamptz not null,
    event_started_at timestamptz not null,
    event_sequence integer not null,
    event_time timestamptz not null,
    event_open boolean not null,
    message text not null,
    expected_kw double precision,
    actual_kw double precision,
    evidence jsonb not null,
    raise_due timestamptz,
    clear_due timestamptz,
    remind_due timestamptz,
    raised_at timestamptz,
    cleared_at timestamptz,
    acked_at timestamptz,
    acked_by text,
    ack_note text,
    notices integer not null
);
comment on table alerts is 'One row an alert; of a kind, plant, unit and subject one at a time is not over';
comment on column alerts.kind is 'Name of the detector, or drift, or stall';
comment on column alerts.state is 'watching (not told yet), raised, cleared, passed (over before it was told)';
comment on column alerts.told_severity is 'The highest that anybody was told';
comment on column alerts.energy_before_kwh is 'Energy at stake in its events before the newest [kWh]';
comment on column alerts.energy_kwh is 'Energy at stake in its newest event [kWh]';
comment on column alerts.event_sequence is 'Newest record of the newest event that it holds';
comment on column alerts.raise_due is 'When it is told if nothing happens before';
comment on column alerts.clear_due is 'When it is over if nothing happens before';
comment on column alerts.remind_due is 'When it is told again if nobody takes it up before';
create unique index alerts_not_over on alerts (kind, plant_id, unit_id, subject) where state in ('watching', 'raised');
create index alerts_newest on alerts (kind, plant_id, unit_id, subject, event_started_at desc, event_sequence desc);

create table alert_notices (
    notice_id text primary key,
    alert_id text not null references alerts,
    number integer not null,
    what text not null check (what in ('raised', 'worse', 'reminder', 'acknowledged', 'cleared')),
    made_at timestamptz not null,
    event text not null,
    unique (alert_id, number)
);
comment on table alert_notices is 'What is to be told: CloudEvents, the same bytes however often they are sent';

create table alert_deliveries (
    notice_id text not null references alert_notices,
    channel text not null,
    target text not null,
    alert_id text not null,
    number integer not null,
    state text not null check (state in ('waiting', 'handed', 'delivered', 'dead', 'in_doubt')),
    queued_at timestamptz not null default now(),
    next_try_at timestamptz not null default now(),
    attempts integer not null default 0,
    handed_at timestamptz,
    ended_at timestamptz,
    detail text not null default '',
    primary key (notice_id, channel, target)
);
comment on table alert_deliveries is 'One row a notice, channel and address';
comment on column alert_deliveries.state is
    'handed: it is being taken over by the other side; in_doubt: a crash left open whether it was';
create index alert_deliveries_open on alert_deliveries (channel, next_try_at) where state in ('waiting', 'handed');
create index alert_deliveries_of_alert on alert_deliveries (alert_id, number);

do $$
begin
    if not exists (select from pg_roles where rolname = 'gridcast_alerts') then
        create role gridcast_alerts nologin;
    end if;
exception
    when insufficient_privilege then
        raise notice 'role gridcast_alerts is missing, and only who has CREATEROLE can make it';
    when duplicate_object or unique_violation then
        null;  -- the migration of another database was faster
end
$$;

alter function gridcast_grant() rename to gridcast_grant_without_alerts;
create function gridcast_grant() returns text[] language plpgsql set search_path from current as $$
declare
    granted text[] := gridcast_grant_without_alerts();
begin
    if exists (select from pg_roles where rolname = 'gridcast_alerts') then
        grant select, insert, update on alerts, alert_deliveries, alert_offsets to gridcast_alerts;
        grant select, insert on alert_notices to gridcast_alerts;
        granted := granted || 'gridcast_alerts'::text;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_api') then
        grant select on alerts, alert_notices, alert_deliveries to gridcast_api;
        -- Acknowledging, and sending dead letters again.
        grant insert, update on alerts to gridcast_api;
        grant insert on alert_notices, alert_deliveries to gridcast_api;
        grant update (state, attempts, next_try_at, queued_at, ended_at, detail) on alert_deliveries to gridcast_api;
    end if;
    return granted;
end
$$;
comment on function gridcast_grant() is 'Grants to the roles that exist what they need; for the owner of the tables';
revoke all on function gridcast_grant() from public;

do $$ begin perform gridcast_grant(); end $$;
