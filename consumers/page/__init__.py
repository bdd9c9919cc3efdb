"""The operator's page: a view of what the API tells, made of files that hold no data."""
