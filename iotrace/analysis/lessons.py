"""Lessons: what this recording shows, each with its evidence.

One function a lesson, one line in :data:`LESSONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from iotrace.analysis.model import Act, Lesson, MatrixRow, Model, Verdict

Rule = Callable[[Verdict, MatrixRow], Lesson | None]


def lessons(verdicts: dict[Act, Verdict], matrix: Sequence[MatrixRow]) -> list[Lesson]:
    """Return the lessons that the receives of a recording show, in the order of :data:`LESSONS`."""
    verdict = verdicts.get(Act.RECEIVE)
    row = next(
        (row for row in matrix if verdict and row.act is Act.RECEIVE and row.model is verdict.model), None
    )
    if verdict is None or row is None:
        return []
    found = (rule(verdict, row) for rule in LESSONS)
    return [lesson for lesson in found if lesson is not None]


def blocking_waits_in_the_call(verdict: Verdict, row: MatrixRow) -> Lesson | None:
    """A blocking receive holds the process through both phases."""
    if verdict.model is not Model.BLOCKING or row.phase1.blocked < 0.9:
        return None
    return Lesson(
        "blocking",
        f"one call, both phases: the process slept in {row.phase1.blocked_in} until the data came,"
        " and stayed in it while they were copied.",
    )


def multiplexing_is_synchronous(verdict: Verdict, row: MatrixRow) -> Lesson | None:
    """A wait for readiness only moves phase 1 to another call."""
    if verdict.model is not Model.MULTIPLEXING or row.phase2.blocked < 0.9:
        return None
    return Lesson(
        "multiplexing",
        f"{row.phase1.blocked_in or verdict.multiplexer} told who was ready; {row.phase2.blocked_in} still"
        " copied, with the process inside it: multiplexing is synchronous.",
    )


def nonblocking_still_copies(verdict: Verdict, row: MatrixRow) -> Lesson | None:
    """Polling frees phase 1 of blocking, not phase 2."""
    if verdict.model is not Model.NONBLOCKING or row.phase2.blocked < 0.9:
        return None
    return Lesson(
        "nonblocking",
        f"no try ever slept, but the last one copied with the process inside {row.phase2.blocked_in}:"
        " phase 2 blocks.",
    )


def signal_tells_when_to_copy(verdict: Verdict, row: MatrixRow) -> Lesson | None:
    """SIGIO says that data are ready, not that they have arrived in the process."""
    if verdict.model is not Model.SIGNAL_DRIVEN or row.phase1.free < 0.9:
        return None
    return Lesson(
        "signal-driven",
        f"the process was free for {row.phase1.free:.1%} of phase 1; the signal said when to call"
        f" {row.phase2.blocked_in or 'the receive'}, which copied: synchronous all the same.",
    )


def the_kernel_copied(verdict: Verdict, row: MatrixRow) -> Lesson | None:
    """Only an asynchronous operation leaves the process free in both phases."""
    if verdict.model is not Model.ASYNCHRONOUS or row.phase2.total_ns == 0:
        return None
    if row.phase2.free > 0.99:
        return Lesson("asynchronous", "a kernel thread copied: the process was blocked in neither phase.")
    return Lesson(
        "who-copied",
        f"the request was asynchronous, but {row.phase2.blocked:.0%} of the copying ran in the process's own"
        " thread, inside io_uring_enter.",
    )


LESSONS: tuple[Rule, ...] = (
    blocking_waits_in_the_call,
    multiplexing_is_synchronous,
    nonblocking_still_copies,
    signal_tells_when_to_copy,
    the_kernel_copied,
)
