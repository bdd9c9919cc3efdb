-- Which job a training was: one that is begun twice is found here, and publishes once.
-- depends: 0011.api-units

alter table trainings add column job_id bigint;
comment on column trainings.job_id is 'The job that it was; null for one by hand';
create unique index trainings_of_job on trainings (job_id);
