"""Training: from the histories of the plants to a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.forecast import climatology
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.release import Release
from models.training import correction, fit_closed_form, site, weather
from models.training.config import Progress, TrainConfig
from models.training.dataset import PlantHistory
from models.training.manifest import manifest, reference
from models.training.samples import Teller


def train(histories: Sequence[PlantHistory], config: TrainConfig, progress: Progress) -> Release:
    """A release from the histories; deterministic for a seed on one machine.

    `progress` is told a stage and its part done, 0 to 1. Raises ValueError when there is no plant at all.
    """
    histories = [h for h in histories if len(h.end_ms)]
    if not histories:
        raise ValueError("there is no plant with telemetry to train on")
    if config.newest_days is not None:
        histories = [h.newest(config.newest_days) for h in histories]
    sites = {h.plant.plant_id: site.found(h) for h in histories}
    histories = [replace(h, plant=site.completed(h.plant, sites[h.plant.plant_id])) for h in histories]
    tables = {h.plant.plant_id: climatology.fit(h.plant, *h.hourly(clean_only=True)) for h in histories}
    usual = Climatology({k: v for k, v in tables.items() if v is not None})
    stage = weather.fit(histories, config, progress)
    closed_form, fitted = ClosedForm(), correction.Fitted()
    if not config.blind:
        tellers = [Teller(h, usual, stage.tables.get(h.plant.plant_id)) for h in histories]
        closed_form = fit_closed_form.fit(tellers, ClosedForm(), np.random.default_rng(config.seed))
        fitted = correction.fit(tellers, closed_form, config, progress)
    return Release(
        name=config.name,
        version=config.version,
        sha256="",
        climatology=usual,
        closed_form=closed_form,
        correction=fitted.correction,
        weather=stage.models,
        reference={h.plant.plant_id: reference(h, config.seed) for h in histories if h.runs},
        manifest=manifest(histories, stage.models, config) | fitted.manifest | {"sites": sites},
    )
