"""The records that cross Kafka: Avro schemas, their Python forms, codecs and errors."""
