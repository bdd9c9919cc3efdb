"""What mkdocs calls while it builds: pages made from the code, the navigation, links into the repository."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

from mkdocs.structure.files import File, Files, InclusionLevel  # noqa: E402 - after the path above

from docs.site import commands, events, features, http_paths, navigation, python_api, records  # noqa: E402
from docs.site.links import MOVED, linked_sources, relinked  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what is made: pages from the code, pages from the root, and sources that pages link to."""
    written = [file.src_uri for file in files.documentation_pages()]
    for name, home in MOVED.items():
        files.append(File.generated(config, home, content=relinked((ROOT / name).read_text(), name)))
    for address, text in _made():
        files.append(File.generated(config, address, content=text))
    for path in sorted({path for name in _origins(written) for path in _sources(name)} | _schemas()):
        text = (ROOT / path).read_text()
        files.append(
            File.generated(config, f"source/{path}.txt", content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        )
    config.nav = navigation.filled(config.nav or [], [file.src_uri for file in files.documentation_pages()])
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Links of a page as the site has them."""
    if page.file.abs_src_path is None or not Path(page.file.abs_src_path).is_relative_to(ROOT / "docs"):
        return markdown
    return relinked(markdown, f"docs/{page.file.src_uri}")


def _made() -> Iterator[tuple[str, str]]:
    for maker in (commands, records, http_paths, events, features, python_api):
        yield from maker.pages()


def _origins(written: list[str]) -> Iterator[str]:
    yield from MOVED
    yield from (f"docs/{uri}" for uri in written)


def _sources(name: str) -> Iterator[str]:
    return linked_sources((ROOT / name).read_text(), name)


def _schemas() -> set[str]:
    return {f"schemas/{path.name}" for path in records.SCHEMAS.glob("*.avsc")}
