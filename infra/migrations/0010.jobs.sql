-- Jobs, their schedules and what a person has set of the triggers. The queue itself is procrastinate's
-- (infra/queue_schema.py); a job here is one there, with who asked for what, how far it is and what came of it.
-- depends: 0009.alerts

create table jobs (
    job_id bigint primary key references procrastinate_jobs (id) on delete cascade,
    kind text not null,
    arguments jsonb not null,
    because text not null default '',
    asked_by text not null,
    key_id text,
    asked_at timestamptz not null default now(),
    idempotency_key text,
    asked_sha256 text,
    started_at timestamptz,
    ended_at timestamptz,
    runs integer not null default 0,
    losses integer not null default 0,
    progress real not null default 0,
    stage text not null default '',
    result jsonb,
    error text
);
comment on table jobs is 'What was asked of the queue, how far it is, and what came of it';
comment on column jobs.runs is 'How often it was begun';
comment on column jobs.losses is 'How often the process that ran it ended without a word';
create unique index jobs_idempotency on jobs (coalesce(key_id, asked_by), idempotency_key)
    where idempotency_key is not null;
create index jobs_of_kind on jobs (kind, job_id);

create table job_lines (
    line_id bigint primary key generated always as identity,
    job_id bigint not null references jobs on delete cascade,
    at timestamptz not null default now(),
    text text not null
);
comment on table job_lines is 'What jobs have said, for operators';
create index job_lines_of_job on job_lines (job_id, line_id);

create table job_files (
    job_id bigint not null references jobs on delete cascade,
    name text not null,
    media text not null,
    content bytea not null,
    primary key (job_id, name)
);
comment on table job_files is 'What a job was given, and what it made, as files';

create view job_states as
select
    jobs.*,
    case
        when queue.status in ('cancelled', 'aborted') then 'cancelled'
        when jobs.ended_at is not null and jobs.error is null then 'done'
        when jobs.ended_at is not null or queue.status = 'failed' then 'failed'
        when queue.status = 'todo' then 'waiting'
        when queue.abort_requested then 'stopping'
        else 'running'
    end as state
from jobs join procrastinate_jobs as queue on queue.id = jobs.job_id;

create table schedules (
    name text primary key,
    cron text not null,
    kind text not null,
    arguments jsonb not null,
    paused boolean not null default false,
    next_at timestamptz not null,
    made_at timestamptz not null default now(),
    made_by text not null,
    changed_at timestamptz not null default now(),
    changed_by text not null
);
comment on table schedules is 'Jobs that are asked for by the clock (UTC)';

create table schedule_runs (
    name text not null,
    due_at timestamptz not null,
    asked_at timestamptz not null default now(),
    job_id bigint references jobs on delete set null,
    primary key (name, due_at)
);
comment on table schedule_runs is 'Which schedule asked for which job: one row a due time, so that none fires twice';

create table trigger_values (
    name text primary key,
    value jsonb not null,
    changed_at timestamptz not null default now(),
    changed_by text not null
);
comment on table trigger_values is 'What a person has set of the schedule_ settings; the rest is as configured';

alter function gridcast_grant() rename to gridcast_grant_without_jobs;
create function gridcast_grant() returns text[] language plpgsql set search_path from current as $$
declare
    granted text[] := gridcast_grant_without_jobs();
    one text;
begin
    foreach one in array array['gridcast_training', 'gridcast_api'] loop
        if exists (select from pg_roles where rolname = one) then
            execute format('grant select, insert, update on procrastinate_jobs, jobs to %I', one);
            execute format('grant select, insert, update on job_files to %I', one);
            execute format('grant select, insert on procrastinate_events, job_lines to %I', one);
            execute format('grant select on job_states, schedule_runs to %I', one);
            execute format('grant select, insert, update, delete on schedules, trigger_values to %I', one);
            execute format('grant usage on sequence procrastinate_jobs_id_seq, procrastinate_events_id_seq to %I', one);
        end if;
    end loop;
    if exists (select from pg_roles where rolname = 'gridcast_training') then
        -- What runs the jobs: its heartbeat, what a job made, old jobs let go, and what fired.
        grant select, insert, update, delete on procrastinate_workers to gridcast_training;
        grant select, update on procrastinate_periodic_defers to gridcast_training;
        grant delete on procrastinate_jobs to gridcast_training;
        grant insert on schedule_runs, api_audit to gridcast_training;
        grant update (job_id) on schedule_runs to gridcast_training;
    end if;
    if exists (select from pg_roles where rolname = 'gridcast_reader') then
        grant select on jobs, job_lines, job_states, schedules, schedule_runs, trigger_values to gridcast_reader;
    end if;
    return granted;
end
$$;
comment on function gridcast_grant() is 'Grants to the roles that exist what they need; for the owner of the tables';
revoke all on function gridcast_grant() from public;

do $$ begin perform gridcast_grant(); end $$;
