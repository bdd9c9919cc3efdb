"""Examples of what is sent and answered where somebody acts."""

from __future__ import annotations

from typing import Any, Final

_ORDER: Final = {
    "name": "gridcast", "plants": [], "learn_from_all": False, "hold_back_days": 14, "fast": False,
    "refit": True, "shadow": False, "force": False, "seed": 1,
}  # fmt: skip
_JOB: Final = {
    "job_id": 17, "kind": "train", "state": "running", "progress": 0.4, "stage": "networks",
    "arguments": _ORDER, "because": "by hand", "asked_by": "operations", "asked_at": "2014-12-01T06:00:00Z",
    "started_at": "2014-12-01T06:00:01Z", "ended_at": None, "runs": 1, "losses": 0, "result": None,
    "error": None,
}  # fmt: skip

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Job": _JOB,
    "JobDocument": {**_JOB, "log": [{"at": "2014-12-01T06:00:11Z", "text": "training: 40 networks 40 %"}]},
    "JobLine": {"at": "2014-12-01T06:00:11Z", "text": "training: 40 networks 40 %"},
    "Schedule": {
        "name": "nightly", "cron": "0 3 * * 1", "kind": "train", "arguments": _ORDER, "paused": False,
        "next_at": "2014-12-08T03:00:00Z", "made_at": "2014-11-01T09:00:00Z", "made_by": "operations",
        "changed_at": "2014-11-01T09:00:00Z", "changed_by": "operations",
    },
    "ScheduleRun": {
        "name": "nightly", "due_at": "2014-12-01T03:00:00Z", "asked_at": "2014-12-01T03:00:01Z", "job_id": 16,
        "state": "done",
    },
    "TriggerValue": {
        "name": "skill_factor", "value": 1.3, "configured": 1.15, "about": "Live errors of so many times ...",
        "changed_at": "2014-11-01T09:00:00Z", "changed_by": "operations",
    },
    "ReleaseChange": {
        "release": "fleet 3", "role": "champion", "plants": [], "changed": True, "serves": "fleet 3",
        "shadows": ["fleet 2"],
    },
    "Acknowledged": {
        "alert_id": "4f1c9a3b7d20e865", "acknowledged_by": "operations",
        "acknowledged_at": "2014-12-01T06:00:00Z",
    },
}  # fmt: skip
