"""The page's files under `/` and `/page/`: read once, known by name, without a key, for they hold no data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

STATIC: Final = Path(__file__).parent / "static"
_MEDIA: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
#: Nothing from elsewhere, nothing inline, no text that becomes markup.
POLICY: Final = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Asked again each time, by its ETag: a page of one version with parts of another would break.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    body: bytes
    media: str
    etag: str


@cache
def files() -> dict[str, File]:
    """Every file of the page, by its name under `/page/`."""
    found = {}
    for path in sorted(STATIC.rglob("*")):
        if path.suffix in _MEDIA:
            body = path.read_bytes()
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            found[path.relative_to(STATIC).as_posix()] = File(body, _MEDIA[path.suffix], etag)
    return found


router = APIRouter(include_in_schema=False)


@router.get("/")
async def page(request: Request) -> Response:
    """The page itself; all views are places in it."""
    return _told(request, "index.html")


@router.get("/page/{name:path}")
async def part(request: Request, name: str) -> Response:
    """A script, a style, the icon."""
    return _told(request, name)


def _told(request: Request, name: str) -> Response:
    file = files().get(name)
    if file is None:
        raise HTTPException(404)
    headers = {**_HEADERS, "ETag": file.etag}
    if request.headers.get("if-none-match", "").removeprefix("W/") == file.etag:
        return Response(None, 304, headers)
    return Response(file.body, 200, headers, file.media)
