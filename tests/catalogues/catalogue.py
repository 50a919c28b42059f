"""From the marks in the sources to catalogues, by babel: what ``make catalogues`` writes."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from iotrace import language
from iotrace.capture.clients import MANIFEST, shipped
from iotrace.cli.parser import COMMANDS
from iotrace.exporters.pptx.lesson import explained

PACKAGE = Path(language.__file__).parent

#: The folders of the package that speak in a domain of their own; the rest speaks in the domain "text".
PICTURES = ("figures", "exporters", "fonts")

#: What marks a message, and which of its arguments are messages (``1c``: a context). xgettext(1), -k.
KEYWORDS = {
    "_": None,
    "N_": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "counted": (2, 3),
}
#: A comment that begins so, just before a message, is for its translator.
COMMENT = "Translators:"

_HEAD = """\
# What iotrace says, in another language.
# This file is distributed under the licence of iotrace: GPL-2.0-or-later.
# `make catalogues` updates and compiles it."""


class Messages(Catalog):
    """A catalogue whose head says nothing of days and tools: the same messages make the same file."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Return the head's fields."""
        return [
            ("Project-Id-Version", "iotrace"),
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def template(domain: str) -> Catalog:
    """Return all messages of a domain as the sources have them."""
    catalog = Catalog(domain=domain)
    if domain == "text":
        for entry in COMMANDS:  # what --help begins with
            catalog.add(import_module(entry.module).__doc__ or "", locations=[(f"cli/{entry.name}.py", 1)])
        for demo in shipped().values():
            for words in (demo.title, demo.claim):
                catalog.add(words, locations=[(f"../demos/{MANIFEST}", 1)])
    if domain == "pictures":
        for demo in shipped().values():
            for words in explained(demo.script.read_text("utf-8")):
                catalog.add(words, locations=[(f"../demos/{demo.script.name}", 1)])
    for name, line, message, comments, context in extract_from_dir(
        PACKAGE, [("**.py", "python")], keywords=KEYWORDS, comment_tags=(COMMENT,), strip_comment_tags=True
    ):
        if (Path(name).parts[0] in PICTURES) == (domain == "pictures"):
            catalog.add(message, locations=[(name, line)], auto_comments=comments, context=context)
    return catalog


def path(domain: str, name: str) -> Path:
    """Return the place of a catalogue's ``.po``; its ``.mo`` is beside it."""
    return language.CATALOGUES / name / f"{domain}.po"


def read(domain: str, name: str) -> Messages:
    """Return the catalogue that is there; an empty one where there is none."""
    catalog = Messages(name, domain, _HEAD, fuzzy=False)
    file = path(domain, name)
    if file.exists():
        with file.open("rb") as stream:
            for message in read_po(stream, locale=name):
                if message.id:
                    catalog[message.id] = message
    return catalog


def updated(domain: str, name: str) -> Messages:
    """Return the catalogue with the sources' messages: new ones untranslated, or guessed and fuzzy."""
    catalog = read(domain, name)
    catalog.update(template(domain))
    return catalog


def as_po(catalog: Catalog) -> bytes:
    """Return a catalogue's text: messages in the order of files and lines, without the lines' numbers."""
    out = io.BytesIO()
    write_po(out, catalog, width=100, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    return out.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return what gettext reads."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def forms(message: Message) -> tuple[str, ...]:
    """Return the translations of a message: one, or one for each plural; empty where there is none yet."""
    words = message.string
    return tuple(words) if isinstance(words, tuple | list) else (words or "",)


def originals(message: Message) -> tuple[str, ...]:
    """Return the English of a message: one, or singular and plural."""
    return tuple(message.id) if isinstance(message.id, tuple | list) else (message.id,)


def is_translated(message: Message) -> bool:
    """Return whether somebody has translated every form of a message."""
    return all(forms(message)) and not message.fuzzy
