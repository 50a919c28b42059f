"""Bring the catalogues up to date, compile them, and say what is not yet translated."""

from __future__ import annotations

from pathlib import Path

from iotrace.language import DOMAINS, LANGUAGES
from tests.catalogues import catalogue


def write(file: Path, content: bytes) -> None:
    """Write a file, and say so, unless it holds that already."""
    if not file.exists() or file.read_bytes() != content:
        file.write_bytes(content)
        print(f"wrote {file.relative_to(catalogue.PACKAGE.parent)}")


def main() -> None:
    """Write what has changed, and say what is missing."""
    for name in LANGUAGES[1:]:
        for domain in DOMAINS:
            catalog = catalogue.updated(domain, name)
            po = catalogue.path(domain, name)
            po.parent.mkdir(parents=True, exist_ok=True)
            write(po, catalogue.as_po(catalog))
            write(po.with_suffix(".mo"), catalogue.as_mo(catalogue.read(domain, name)))
            for message in catalog:
                if message.id and not catalogue.is_translated(message):
                    print(f"{po.name}: {'guessed' if message.fuzzy else 'missing'}: {message.id!r:.100}")


if __name__ == "__main__":
    main()
