"""A soak: memory beside a slow PostgreSQL."""
