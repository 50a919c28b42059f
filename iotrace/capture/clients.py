"""The scripted clients of a demo: who they are (the manifest), and their supervisor."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from iotrace.capture import supervisor
from iotrace.invoking_user import User, acting_as
from iotrace.language import _
from probes.contract import Command

_PACKAGE = Path(__file__).parents[1]

#: Where our demos are: in an installed package, or beside it in a checkout.
FOLDERS = (_PACKAGE / "shipped_demos", _PACKAGE.parent / "demos")

MANIFEST = "manifest.toml"
PORT_FILE = "IOTRACE_DEMO_PORT_FILE"

#: How long clients may take, unless the manifest's ``limit_s`` says otherwise.
PATIENCE_S = 60.0


class Demo(NamedTuple):
    """One entry of a manifest: a server, its clients' commands, and one line about it.

    ``says``: how many lines it prints itself.

    Without ``clients`` it is a program that needs none, and ends by itself.
    """

    name: str
    script: Path
    title: str
    clients: tuple[tuple[str, ...], ...]
    patience_s: float
    claim: str = ""
    says: int = 1


class ManifestError(Exception):
    """A manifest cannot be understood. The message is one line."""


class Report(NamedTuple):
    """How the clients fared. ``problem`` is one sentence, or None; ``ended``: how the server ended."""

    statuses: tuple[int, ...]
    output: str
    problem: str | None
    ended: str


def shipped() -> dict[str, Demo]:
    """Return our own demos by name, in teaching order. Raises :class:`ManifestError`."""
    return {demo.name: demo for folder in FOLDERS for demo in demos(folder)}


def demos(folder: Path) -> tuple[Demo, ...]:
    """Return the demos of a folder's manifest, none without one. Raises :class:`ManifestError`."""
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
        return tuple(_demo(folder, entry) for entry in content["demo"])
    except FileNotFoundError:
        return ()
    except (OSError, tomllib.TOMLDecodeError, LookupError, TypeError, ValueError) as error:
        words = _("{path} cannot be used ({error}): mend it, or run with --no-clients")
        raise ManifestError(words.format(path=path, error=repr(error))) from None


def demo_of(script: Path) -> Demo | None:
    """Return the entry of the manifest beside ``script``, if it has one."""
    return next((demo for demo in demos(script.parent) if demo.script.name == script.name), None)


class Supervisor:
    """The process that runs a demo's clients, as seen by the tracer. Started before the probe.

    ``command`` is the server's command, completed with where it is to write its port.
    """

    def __init__(self, demo: Demo, command: Command) -> None:
        user = None
        if command.uid is not None and command.gid is not None:
            user = User(command.uid, command.gid, command.groups)
        self._folder = acting_as(user, lambda: tempfile.mkdtemp(prefix="iotrace-"))
        port_file = os.path.join(self._folder, "port")
        self.command = Command(
            command.argv,
            {**command.environment, PORT_FILE: port_file},
            command.uid,
            command.gid,
            command.groups,
        )
        spec = {
            "clients": demo.clients,
            "port_file": port_file,
            "patience_s": demo.patience_s,
            "uid": command.uid,
            "gid": command.gid,
            "groups": command.groups,
        }
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(command.environment),
        )
        process.wait()  # it has forked and left: from here on it is nobody's child
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout

    def begin(self, pid: int) -> None:
        """Tell it the server's pid: it waits for the port, then starts the clients."""
        with contextlib.suppress(BrokenPipeError):
            self._to.write(f"{pid}\n".encode())
            self._to.flush()

    def report(self, patience_s: float = 10.0) -> Report:
        """Return how it went, once the server has ended. Also tidies up."""
        said = b""
        while select.select([self._from], [], [], patience_s)[0]:
            piece = os.read(self._from.fileno(), 65536)
            if not piece:
                break
            said += piece
        self.close()
        try:
            facts: Mapping[str, Any] = json.loads(said)
        except ValueError:
            return Report((), "", _("the clients' supervisor died"), "itself")
        return Report(tuple(facts["statuses"]), facts["output"], facts["problem"], facts["ended"])

    def close(self) -> None:
        """Let it go: without a pid it ends, and so do its clients."""
        self._to.close()
        self._from.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _demo(folder: Path, entry: Mapping[str, Any]) -> Demo:
    script = folder / entry["script"]
    return Demo(
        entry.get("name", script.stem),
        script,
        entry["title"],
        tuple(tuple(_client_argv(folder, words)) for words in entry.get("clients", ())),
        float(entry.get("limit_s", PATIENCE_S)),
        str(entry.get("claim", "")),
        int(entry.get("says", 1)),
    )


def _client_argv(folder: Path, words: list[str]) -> list[str]:
    return [sys.executable, str(folder / words[0]), *words[1:]]
