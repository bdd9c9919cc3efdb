-- What was trained when, why and with what outcome; written by `gridcast train` and `gridcast schedule`.
-- depends: 0002.records

create table trainings (
    training_id bigint generated always as identity primary key,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    outcome text not null
        check (outcome in ('promoted', 'shadow', 'not_promoted', 'too_early', 'failed', 'rolled_back')),
    because text not null,
    keys text[] not null,
    detail text not null,
    name text,
    version text,
    document jsonb not null
);
create index trainings_by_time on trainings (started_at);
comment on table trainings is 'Trainings and automatic rollbacks: when, why, and what came of them';
comment on column trainings.because is 'Why it was done, in words';
comment on column trainings.keys is 'Identity of each reason, so that it is not tried again at once';
comment on column trainings.detail is 'The verdict or the failure in one line';
comment on column trainings.name is 'Name of the release; null where none was made';
comment on column trainings.version is 'Version of the release';
comment on column trainings.document is 'The numbers behind it';
