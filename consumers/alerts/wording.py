"""A notice in the words of a mail or a chat, from its CloudEvent alone."""

from __future__ import annotations

import json
from typing import Any, Final

_SIGNS: Final = {"info": ":information_source:", "warning": ":warning:", "critical": ":rotating_light:"}
_WORDS: Final = {
    "raised": "",
    "worse": "worse: ",
    "reminder": "still open: ",
    "acknowledged": "taken up: ",
    "cleared": "over: ",
}


def headline(data: dict[str, Any]) -> str:
    """One line: how severe, what, where."""
    where = " ".join(part for part in (data["plant_id"], data["unit_id"], data["subject"]) if part)
    return f"[{data['severity']}] {_WORDS[data['what']]}{data['kind']} {where}".strip()


def lines(data: dict[str, Any]) -> list[str]:
    """What a person needs, line by line."""
    made = [data["message"], "", f"since: {data['started_at']}"]
    if data["cleared_at"]:
        made.append(f"over: {data['cleared_at']}")
    if data["energy_kwh"]:
        made.append(f"energy at stake: {data['energy_kwh']:.0f} kWh")
    if data["expected_kw"] is not None:
        made.append(f"expected: {data['expected_kw']:.0f} kW")
    if data["actual_kw"] is not None:
        made.append(f"measured: {data['actual_kw']:.0f} kW")
    made += [f"{name}: {value:g}" for name, value in sorted(data["evidence"].items())]
    if data["acknowledged_by"]:
        note = f" ({data['note']})" if data["note"] else ""
        made.append(f"taken up by: {data['acknowledged_by']}{note}")
    if data["state"] == "raised" and not data["acknowledged_by"]:
        made += ["", f"to take it up: gridcast alerts ack {data['alert_id']}"]
    return made


def data_of(event: str) -> dict[str, Any]:
    """What stands in a CloudEvent."""
    found: dict[str, Any] = json.loads(event)["data"]
    return found


def slack_body(event: str) -> str:
    """The body of an incoming webhook of Slack."""
    data = data_of(event)
    sign = _SIGNS[data["severity"]] if data["what"] != "cleared" else ":white_check_mark:"
    title = f"{sign} *{_escaped(headline(data))}*"
    text = _escaped("\n".join(lines(data)))
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": one[:2900]}} for one in (title, text)]
    return json.dumps({"text": _escaped(headline(data)), "blocks": sections})


def _escaped(text: str) -> str:
    """Slack reads `<...>` as links and calls."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
