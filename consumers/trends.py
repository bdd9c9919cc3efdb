"""How forecasts and power went over time, in days, weeks or months, out of the scores in PostgreSQL.

Of a plant's scores at a lead time the first entry is what was published; shadows come after it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from consumers.live_coverage import inside
from models.score import VISIBLE_SHARE

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

PERIODS: Final = ("day", "week", "month")
_TREND: Final = f"""
select plant_id, period, count(*) as n,
    100 * avg(abs(actual_kw - median_kw) / capacity_kw) as nmae,
    100 * avg((median_kw - actual_kw) / capacity_kw) as bias,
    100 * avg(pinball_kw / capacity_kw) as pinball,
    100 * avg((high_kw - low_kw) / capacity_kw) as width80,
    100 * avg(actual_kw / capacity_kw) as load,
    avg((actual_kw < low_kw)::integer) filter (where low_kw > {VISIBLE_SHARE} * capacity_kw)::float8 as below,
    avg((actual_kw > high_kw)::integer) filter (where high_kw > {VISIBLE_SHARE} * capacity_kw)::float8
        as above
from (
    select s.plant_id, date_trunc(%(period)s, s.valid_at) as period, s.capacity_kw,
        s.actual_kw[i] as actual_kw, s.median_kw[i] as median_kw, s.pinball_kw[i] as pinball_kw,
        s.low_kw[i] as low_kw, s.high_kw[i] as high_kw
    from scores s cross join lateral array_position(s.lead_s, %(lead)s) as i
    where i is not null and s.valid_at >= %(since)s and s.valid_at < %(until)s
        and (%(plant)s::text is null or s.plant_id = %(plant)s)
) as met
group by plant_id, period
order by plant_id, period
"""


def read_trends(
    cursor: Cursor, period: str, lead_s: int, since: datetime, until: datetime, plant_id: str | None = None
) -> list[dict[str, Any]]:
    """A row for each plant and period (of `PERIODS`): numbers in % of capacity, `coverage80` as a share.

    `bias` is the median over what was measured, `load` what was measured, `n` how many intervals.
    """
    values = {"period": period, "lead": lead_s, "since": since, "until": until, "plant": plant_id}
    cursor.execute(_TREND, values)
    made = []
    for plant, start, n, *shares, below, above in cursor.fetchall():
        numbers = (None if one is None else round(float(one), 4) for one in shares)
        nmae, bias, pinball, width80, load = numbers
        held = None if above is None else round(inside(below, above), 4)
        row = {"plant_id": plant, "period": start, "n": n, "nmae": nmae, "bias": bias, "pinball": pinball}
        made.append({**row, "width80": width80, "coverage80": held, "load": load})
    return made


_NEWEST: Final = """
select max(newest) from (
    select (select max(valid_at) from scores s where s.plant_id = p.plant_id) as newest
    from (select distinct plant_id from plants where %(plant)s::text is null or plant_id = %(plant)s) as p
) as of_plant
"""


def newest_score(cursor: Cursor, plant_id: str | None = None) -> datetime | None:
    """`valid_at` of the newest score of a plant, of any where none is named; None where there is none."""
    cursor.execute(_NEWEST, {"plant": plant_id})
    (found,) = cursor.fetchone() or (None,)
    return found if isinstance(found, datetime) else None
