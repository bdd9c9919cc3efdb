"""How often the published 80 % bands of each plant held lately, out of the scores in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.score import LOW_LEVEL, VISIBLE_SHARE, Coverage

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

#: A champion's entries stand before its shadow's, so the first one of a lead time is what was published.
_COUNTED: Final = f"""
select plant_id,
    avg((actual_kw < low_kw)::integer) filter (where low_kw > {VISIBLE_SHARE} * capacity_kw)::float8,
    avg((actual_kw > high_kw)::integer) filter (where high_kw > {VISIBLE_SHARE} * capacity_kw)::float8
from (
    select
        s.plant_id, s.capacity_kw, s.actual_kw[i] as actual_kw, s.low_kw[i] as low_kw, s.high_kw[i] as high_kw
    from (select distinct plant_id from plants) as p
    cross join lateral (select max(valid_at) as newest from scores n where n.plant_id = p.plant_id) as n
    join scores s on s.plant_id = p.plant_id and s.valid_at > n.newest - %(days)s * interval '1 day'
    cross join lateral array_position(s.lead_s, %(lead)s) as i
    where i is not null
) as met
group by plant_id
"""


def read_coverage(cursor: cursor, lead_s: int, days: int) -> dict[str, float]:
    """By plant the share of the actuals inside the band of a lead time, over the newest days of its own
    scores; counted as `models.score.coverage` counts.
    """
    cursor.execute(_COUNTED, {"lead": lead_s, "days": days})
    return {
        plant_id: inside(below, above) for plant_id, below, above in cursor.fetchall() if above is not None
    }


def inside(below: float | None, above: float) -> float:
    """The share inside of a band, from those under and over it; an edge never seen counts as it should be."""
    return Coverage(LOW_LEVEL if below is None else below, above).inside
