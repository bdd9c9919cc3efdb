"""Live losses by plant, day and lead time out of PostgreSQL: of two releases that ran side by side, or of one
beside persistence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from consumers.skill import horizon_name
from models.live_losses import LiveDay

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

    from schemas.records import ReleaseRecord

NEWEST_DAYS: Final = 60  # of each plant: what was longer ago says little of now

# Plants may live in different years, so the newest days are counted from each plant's newest score. Whole
# hours alone: quarters of an hour say the same four times.
_WINDOW: Final = """
with windows as materialized (
    select plant_id, newest - %(days)s * interval '1 day' as since from (
        select p.plant_id, (select max(valid_at) from scores s where s.plant_id = p.plant_id) as newest
        from (select distinct plant_id from plants) as p
    ) as of_plant
    where newest is not null and (%(plants)s::text[] is null or plant_id = any(%(plants)s))
),
leads as materialized (
    select l.plant_id, l.valid_at, l.issued_at, l.lead_s, l.model, l.version,
        l.actual_kw, l.median_kw, l.pinball_kw, l.capacity_kw
    from windows w join score_leads l on l.plant_id = w.plant_id and l.valid_at > w.since
    where extract(epoch from l.valid_at)::bigint %% 3600 = 0 and l.lead_s >= 3600
)
"""
_DAY: Final = "floor(extract(epoch from c.valid_at) / 86400)::integer"
_PAIRED: Final = f"""
{_WINDOW}
select c.plant_id, {_DAY}, c.lead_s, count(*),
    avg(c.pinball_kw / c.capacity_kw), avg(o.pinball_kw / o.capacity_kw)
from leads c
join leads o on o.plant_id = c.plant_id and o.valid_at = c.valid_at and o.lead_s = c.lead_s
    and o.model = %(other_name)s and o.version = %(other_version)s
where c.model = %(name)s and c.version = %(version)s
group by 1, 2, 3 order by 1, 2, 3
"""
_BESIDE_PERSISTENCE: Final = f"""
{_WINDOW},
actuals_of as materialized (select distinct plant_id, valid_at, lead_s, actual_kw from leads)
select c.plant_id, {_DAY}, c.lead_s, count(*),
    avg(abs(c.actual_kw - c.median_kw) / c.capacity_kw), avg(abs(c.actual_kw - a.actual_kw) / c.capacity_kw)
from leads c
join actuals_of a on a.plant_id = c.plant_id and a.lead_s = c.lead_s and a.valid_at = c.issued_at
where c.model = %(name)s and c.version = %(version)s
group by 1, 2, 3 order by 1, 2, 3
"""


def side_by_side(
    cursor: cursor, one: ReleaseRecord, other: ReleaseRecord, plants: Sequence[str] | None = None
) -> list[LiveDay]:
    """Mean pinball of two releases where both forecast the same interval at the same lead time."""
    names = {"other_name": other.name, "other_version": other.version}
    return _rows(cursor, _PAIRED, one, plants, names)


def beside_persistence(
    cursor: cursor, one: ReleaseRecord, plants: Sequence[str] | None = None
) -> list[LiveDay]:
    """Mean absolute errors of a release's median and of the last value before the issue."""
    return _rows(cursor, _BESIDE_PERSISTENCE, one, plants, {})


def _rows(
    cursor: cursor,
    statement: str,
    one: ReleaseRecord,
    plants: Sequence[str] | None,
    more: dict[str, Any],
) -> list[LiveDay]:
    wanted = None if plants is None else list(plants)
    cursor.execute(
        statement, {"name": one.name, "version": one.version, "plants": wanted, "days": NEWEST_DAYS, **more}
    )
    return [
        LiveDay(plant_id, day, horizon_name(lead_s), n, float(first), float(second))
        for plant_id, day, lead_s, n, first, second in cursor.fetchall()
        if first is not None and second is not None
    ]
