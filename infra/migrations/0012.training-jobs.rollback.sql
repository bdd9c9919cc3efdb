drop index trainings_of_job;
alter table trainings drop column job_id;
