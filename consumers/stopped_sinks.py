"""Frees what a sink that was stopped in the middle of a transaction holds in PostgreSQL.

Its partitions belong to another sink by then, but its transaction still holds their rows in `sink_offsets`.
PostgreSQL ends an idle transaction by itself; one that waits for the next piece of a COPY it never ends. Such
a session is ended from here and rolled back whole; if its sink wakes up, it sees that the offsets
have moved.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from psycopg2.extensions import connection

#: The name that the sessions of sinks have in `pg_stat_activity`.
SESSION: Final = "gridcast-sink"

_END: Final = """
select pg_terminate_backend(pid)
from pg_stat_activity
where application_name = %s and datname = current_database() and pid <> pg_backend_pid()
    and wait_event = 'ClientRead' and state <> 'idle' and xact_start < now() - make_interval(secs => %s)
"""


def end_stopped(server: "connection", after_s: float) -> int:
    """End the sessions of sinks that PostgreSQL waits for within a transaction older than `after_s`."""
    with server, server.cursor() as cursor:
        cursor.execute(_END, (SESSION, after_s))
        return cursor.rowcount
