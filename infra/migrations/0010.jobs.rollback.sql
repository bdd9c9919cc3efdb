-- The tables of procrastinate stay: infra/queue_schema.py made them, and the library's own steps change them.
drop function gridcast_grant();
alter function gridcast_grant_without_jobs() rename to gridcast_grant;
drop table trigger_values;
drop table schedule_runs;
drop table schedules;
drop view job_states;
drop table job_files;
drop table job_lines;
drop table jobs;
