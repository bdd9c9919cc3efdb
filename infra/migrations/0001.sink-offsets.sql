-- Where the sink stands in each partition. Written in the transaction that writes the rows, read FOR UPDATE.
-- depends:

CREATE TABLE sink_offsets (
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    written_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);
