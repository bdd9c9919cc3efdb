"""What reads the output topics: the sink into PostgreSQL, and what training reads back from there."""
