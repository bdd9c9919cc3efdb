"""Everything that knows a host name: settings, Kafka, PostgreSQL, the registry, metrics, local servers."""
