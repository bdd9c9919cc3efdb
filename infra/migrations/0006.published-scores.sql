-- Shadows are scored beside champions: what was published can be told from what was not.
-- depends: 0003.views
create or replace view score_leads as
select
    s.plant_id,
    s.valid_at,
    s.capacity_kw,
    l.actual_kw,
    l.lead_s,
    l.issued_at,
    l.model,
    l.version,
    l.rung,
    l.median_kw,
    l.pinball_kw,
    l.low_kw,
    l.high_kw,
    l.inside,
    exists (
        select from forecasts f
        where f.plant_id = s.plant_id and f.issued_at = l.issued_at and f.model = l.model and f.version = l.version
    ) as published
from scores s
cross join lateral unnest(
    s.lead_s, s.issued_at, s.model, s.version, s.rung, s.median_kw, s.pinball_kw, s.low_kw, s.high_kw, s.inside,
    s.actual_kw
) as l (lead_s, issued_at, model, version, rung, median_kw, pinball_kw, low_kw, high_kw, inside, actual_kw);
comment on view score_leads is
    'One row a score: plant, time and lead time [s]; published is false for what a shadow forecast';
