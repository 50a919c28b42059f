"""Run a server under a probe, record it, and say where it blocks.

  iotrace run [options] SCRIPT.py [args...]
  iotrace run [options] -m MODULE [args...]
  iotrace run [options] -- PROGRAM [args...]

A demo of a folder with a manifest.toml gets its scripted clients, and is ended when they are done.
The exit status is the target's own; 125: iotrace failed, 126 or 127: the target could not be run,
3: the target ended well and a condition of --fail-on holds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from iotrace.cli.ending import FAILED, Ending
from iotrace.cli.failing import add_fail_on, judge
from iotrace.cli.screen import add_screen_options, say
from iotrace.cli.status import StatusLine
from iotrace.language import _
from iotrace.refusals import said

Words = tuple[str, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run``."""
    parser.usage = "iotrace run [options] SCRIPT.py [args...] | -m MODULE [args...] | -- PROGRAM [args...]"
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """Add the options of ``run``, and return them."""
    probe = parser.add_argument_group(_("tracing"))
    recording = parser.add_argument_group(_("recording"))
    return [
        probe.add_argument(
            "--probe",
            choices=["auto", "bpf", "ptrace"],
            default="auto",
            help=_("default: the best that can run"),
        ),
        probe.add_argument(
            "--pin", action="store_true", help=_("ptrace: tracer and target on one CPU (cheaper stops)")
        ),
        probe.add_argument(
            "--buffer",
            type=bytes_of,
            default=64 << 20,
            metavar="SIZE",
            help=_("eBPF: ring buffer (default 64M)"),
        ),
        probe.add_argument(
            "--no-clients", action="store_true", help=_("run a demo without its scripted clients")
        ),
        probe.add_argument(
            "--duration", type=nanoseconds_of, metavar="S", help=_("end the target (SIGTERM) after S seconds")
        ),
        probe.add_argument(
            "--as-root", action="store_true", help=_("under sudo, do not run the target as you")
        ),
        probe.add_argument("--progress", action="store_true", help=_("say on standard error how far it is")),
        recording.add_argument(
            "-o",
            "--output",
            type=Path,
            metavar="FILE",
            help=_("default: {name}").format(name="iotrace-<script>.<pid>.iotrace"),
        ),
        recording.add_argument("--force", action="store_true", help=_("replace FILE if it exists")),
        *add_fail_on(parser),
        *add_screen_options(parser),
    ]


def split(argv: Sequence[str]) -> tuple[list[str], tuple[str, Words]]:
    """Part iotrace's own options from the target: ("script" | "module" | "program" | "", its words)."""
    valued = {
        option
        for action in add_options(argparse.ArgumentParser(add_help=False))
        if action.nargs != 0
        for option in action.option_strings
    }
    at = 0
    while at < len(argv):
        word = argv[at]
        if word == "--":
            return list(argv[:at]), ("program", tuple(argv[at + 1 :]))
        if word == "-m":
            return list(argv[:at]), ("module", tuple(argv[at + 1 :]))
        if not word.startswith("-") or word == "-":
            return list(argv[:at]), ("script", tuple(argv[at:]))
        at += 2 if word in valued else 1
    return list(argv), ("", ())


def run(arguments: argparse.Namespace) -> Ending:
    """Run, record, and show."""
    from iotrace.capture.target import Target, module, program, script
    from probes.contract import TargetError

    kind, words = arguments.target
    if not words:
        arguments.parser.error(
            _("what is to be run? a script, -m MODULE, or -- PROGRAM")
            if kind != "module"
            else _("-m needs the name of a module")
        )
    try:
        target: Target
        if kind == "program":
            target = program(words)
        else:
            target = (module if kind == "module" else script)(words[0], words[1:])
    except TargetError as error:
        say(str(error))
        return Ending(error.status)
    return trace(target, arguments)


def trace(target: object, arguments: argparse.Namespace) -> Ending:
    """Run ``target`` (a :class:`iotrace.capture.target.Target`) as the options say."""
    from iotrace.capture.choice import choose
    from iotrace.capture.clients import ManifestError, demo_of
    from iotrace.capture.record import Plan, record
    from iotrace.capture.target import Target
    from iotrace.recording.layout import RecordingError
    from probes.contract import Options, ProbeError, TargetError

    assert isinstance(target, Target)
    try:
        demo = demo_of(target.script) if target.script and not arguments.no_clients else None
        choice = choose(arguments.probe)
        if choice.remark:
            say(choice.remark)
        interactive = sys.stdin.isatty() and demo is None
        line = _status_line(arguments, bool(demo and demo.clients))
        lines = _Lines(line, hold=interactive and sys.stderr.isatty())
        plan = Plan(
            Options(pin=arguments.pin, buffer_bytes=arguments.buffer),
            arguments.output,
            arguments.force,
            arguments.as_root,
            arguments.duration,
            demo,
            arguments.own_process,
        )
        try:
            result = record(target, choice, plan, lines.say, line.show if line else None)
        finally:
            lines.release()
    except (ProbeError, RecordingError, ManifestError) as error:
        say(str(error))
        return Ending(FAILED)
    except TargetError as error:
        say(str(error))
        return Ending(error.status)

    from iotrace.cli.afterwards import show_result

    analysis = show_result(result.path, arguments)
    ending = _ending(result)
    return ending if analysis is None else judge(analysis, arguments, ending)


def _ending(result: object) -> Ending:
    from iotrace.capture.record import Result

    assert isinstance(result, Result)
    clients = result.clients
    if clients and (clients.problem or any(clients.statuses)):
        failed = sum(1 for status in clients.statuses if status)
        words = _("{n} of {all} clients failed").format(n=failed, all=len(clients.statuses))
        cause = said(clients.problem) if clients.problem else words
        last = [line for line in clients.output.splitlines() if line.strip()][-1:]
        say(f"{cause}{': ' + ascii(last[0])[1:-1] if last else ''}")
    if clients and clients.ended == "SIGKILL":
        say(_("the server did not end within 2 s of SIGTERM, and was killed"))
    if result.failure:
        return Ending(FAILED)  # said when it happened
    if result.status:
        return Ending(result.status, result.signal)
    failed_clients = clients is not None and (bool(clients.problem) or any(clients.statuses))
    return Ending(FAILED if failed_clients else 0)


class _Lines:
    """Lines for the user: at once, or when the target has given its terminal back."""

    def __init__(self, line: StatusLine | None, hold: bool) -> None:
        self._line = line
        self._held: list[str] | None = [] if hold else None

    def say(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
            return
        if self._line:
            self._line.erase()
        say(text)

    def release(self) -> None:
        held, self._held = self._held or [], None
        if self._line:
            self._line.erase()
        for text in held:
            say(text)


def _status_line(arguments: argparse.Namespace, scripted: bool) -> StatusLine | None:
    if arguments.progress:
        return StatusLine()
    if not scripted or not sys.stderr.isatty():
        return None
    return StatusLine(after_ns=1_000_000_000)


def bytes_of(text: str) -> int:
    """Read a size such as 64M for argparse: the next power of two."""
    units = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
    factor = units.get(text[-1:].lower(), 1)
    try:
        size = int(text[:-1] if factor > 1 else text) * factor
    except ValueError:
        words = _("{word} is no size: give bytes, or 64M")
        raise argparse.ArgumentTypeError(words.format(word=repr(text))) from None
    if not 1 << 16 <= size <= 1 << 30:
        raise argparse.ArgumentTypeError(_("a buffer is between 64K and 1G"))
    return 1 << (size - 1).bit_length()


def nanoseconds_of(text: str) -> int:
    """Read seconds for argparse."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e9:
        words = _("{word} is no duration: give seconds, such as 5 or 0.5")
        raise argparse.ArgumentTypeError(words.format(word=repr(text)))
    return int(seconds * 1e9)
