"""The language of what a person reads: English in the sources, others from gettext catalogues.

A message is its English text, marked where it stands: ``_("{n} of {all} receives").format(n=3, all=5)``.
Names in braces, never positions: another language says them in another order. A table at the top of a module
marks its messages with :func:`N_` and is translated where it is read, with ``_(TABLE[key])``: what is asked
at import is asked before anybody chose a language. What a machine reads (JSON, columns, names of calls and
models) is never translated.

``make catalogues`` writes what is marked into the catalogues, and compiles them.

The language is one for the process. Before :func:`use`, and in English, nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import IO

#: What ``--lang`` takes; the first is the language of the sources.
LANGUAGES = ("en", "zh")
#: The catalogues of a language: ``catalogues/zh/<domain>.po``, and what gettext reads of it, ``.mo``.
DOMAINS = ("text", "pictures")
CATALOGUES = Path(__file__).parent / "catalogues"

_chosen = LANGUAGES[0]
_catalogue: NullTranslations = NullTranslations()


def use(language: str) -> None:
    """Speak ``language``, one of :data:`LANGUAGES`, from now on.

    ValueError: it is none of them. OSError: its catalogues cannot be read; nothing has changed.
    """
    global _chosen, _catalogue
    if language not in LANGUAGES:
        raise ValueError(f"no catalogue for {language!r}: there are {', '.join(LANGUAGES)}")
    if language == _chosen:
        return
    spoken = NullTranslations()
    if language != LANGUAGES[0]:
        for domain in reversed(DOMAINS):
            with (CATALOGUES / language / f"{domain}.mo").open("rb") as file:
                found = GNUTranslations(file)
            found.add_fallback(spoken)
            spoken = found
    _chosen, _catalogue = language, spoken


def current() -> str:
    """Return the language that is spoken now."""
    return _chosen


def of_locale(environment: Mapping[str, str]) -> str:
    """Return the language of messages that a locale asks for: setlocale(3), the first that is set counts.

    LANGUAGE, a list, goes before it, but not before the locale C: gettext(3).
    """
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    wishes = [locale]
    if locale.partition(".")[0] not in ("", "C", "POSIX") and environment.get("LANGUAGE"):
        wishes = environment["LANGUAGE"].split(":")
    known = (name for wish in wishes for name in LANGUAGES if wish.lower().startswith(name))
    return next(known, LANGUAGES[0])


def writes_unicode(target: IO[str]) -> bool:
    """Return whether the stream's encoding is a UTF: whether it has letters for every language."""
    return (getattr(target, "encoding", None) or "utf-8").lower().startswith("utf")


def _(message: str) -> str:
    """Return ``message`` in the language that is spoken now."""
    return _catalogue.gettext(message) if message else ""


def N_(message: str) -> str:
    """Return ``message`` as it is: it is marked here, and translated where it is read."""
    return message


def ngettext(one: str, many: str, n: int) -> str:
    """Return the form of a message for ``n`` things."""
    return _catalogue.ngettext(one, many, n)


def pgettext(context: str, message: str) -> str:
    """Return ``message``, an English word of several meanings, in the one that ``context`` names."""
    return _catalogue.pgettext(context, message)
