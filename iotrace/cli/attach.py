"""Record a server that runs already, with its threads and children, and leave it as it was.

iotrace attach PID                  until Ctrl-C
iotrace attach PID PID --duration 5

By the eBPF probe (root, or CAP_BPF and CAP_PERFMON) it is not stopped, and nothing of it is changed.
By the ptrace probe (anybody, on a process of their own) each of its calls stops twice: it is slower then.
It goes on when the recording ends, by itself, by Ctrl-C, SIGTERM or SIGKILL.
A call that was under way when it began is not recorded; what was open is described from /proc.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from iotrace.cli.ending import FAILED, Ending
from iotrace.cli.failing import add_fail_on, judge
from iotrace.cli.run import bytes_of, nanoseconds_of
from iotrace.cli.screen import add_screen_options, say
from iotrace.cli.status import StatusLine
from iotrace.language import _


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``attach``."""
    parser.add_argument("pids", metavar="PID", type=_pid, nargs="+", help=_("a process; its descendants too"))
    tracing = parser.add_argument_group(_("tracing"))
    tracing.add_argument(
        "--probe",
        choices=["auto", "bpf", "ptrace"],
        default="auto",
        help=_("default: the best that can run"),
    )
    tracing.add_argument("--duration", type=nanoseconds_of, metavar="S", help=_("end after S seconds"))
    tracing.add_argument(
        "--buffer", type=bytes_of, default=64 << 20, metavar="SIZE", help=_("ring buffer (default 64M)")
    )
    tracing.add_argument("--progress", action="store_true", help=_("say on standard error how far it is"))
    recording = parser.add_argument_group(_("recording"))
    recording.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help=_("default: {name}").format(name="iotrace-<program>.<pid>.iotrace"),
    )
    recording.add_argument("--force", action="store_true", help=_("replace FILE if it exists"))
    add_fail_on(parser)
    add_screen_options(parser)


def run(arguments: argparse.Namespace) -> Ending:
    """Attach, record, and show."""
    from iotrace.capture.attach import attach
    from iotrace.capture.choice import choose
    from iotrace.cli.afterwards import show_result
    from iotrace.recording.layout import RecordingError
    from probes.contract import Options, ProbeError

    line = StatusLine() if arguments.progress else None
    duration_s = arguments.duration / 1e9 if arguments.duration else None
    try:
        choice = choose(arguments.probe)
        if choice.remark:
            say(choice.remark)
        result = attach(
            arguments.pids,
            choice,
            Options(buffer_bytes=arguments.buffer),
            arguments.output,
            arguments.force,
            duration_s,
            say,
            line.show if line else None,
            arguments.own_process,
        )
    except (ProbeError, RecordingError) as error:
        say(str(error))
        return Ending(FAILED)
    finally:
        if line:
            line.erase()
    analysis = show_result(result.path, arguments)
    ending = Ending(FAILED if result.failure else 0)
    return ending if analysis is None else judge(analysis, arguments, ending)


def _pid(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 22:
        raise argparse.ArgumentTypeError(_("{word} is no process number").format(word=repr(text)))
    return int(text)
