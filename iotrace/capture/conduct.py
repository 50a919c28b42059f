"""Signals and deadlines of a run: what reaches the target, and when the run must end.

Facts, and what follows from them:

- A probe sits in the main thread (in ``wait4``, or draining its ring); Python runs signal handlers
  there, between two bytecodes, and a system call that they interrupt is taken up again. So
  handlers may call ``probe.stop()`` and ``probe.kill()``; other threads ring SIGALRM and let its
  handler do it.
- Ctrl-C goes to the terminal's whole foreground group: the target has it already. Sent by `kill`
  to us alone, it has not. Being in the foreground group is how the two are told apart.
- A server may end its children by a signal to its whole process group (Apache: kill(2) with pid 0),
  which is ours too: the signal that we handed on comes back within milliseconds, and is no second word of
  a person.
- A process id can be used again once its process was reaped: signals go through a pidfd, which
  also says (poll) when the process has ended, without reaping it.
- A disposition of "ignore" survives exec (nohup): what is ignored when we begin stays ignored.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType

from iotrace.language import ngettext
from probes.contract import Probe

#: After SIGTERM, how long a target may take before SIGKILL when it is ours to end.
PATIENCE_NS = 2_000_000_000

#: Within this time of a signal, the same one again is its echo.
_ECHO_NS = 250_000_000

_TICK_MS = 200
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)


class Conductor:
    """Watches over one run: ``with Conductor(...):`` around ``probe.run``.

    ``say`` takes a line for the user; ``tick`` is called several times a second from another thread.
    ``descendants`` counts the processes that outlive the first one; ``end_with_root`` kills them.
    ``ended_by`` is "target", "duration", "interrupt" or "kill": who ended the recording.
    """

    def __init__(
        self,
        probe: Probe,
        pid: int,
        say: Callable[[str], None],
        duration_ns: int | None = None,
        tick: Callable[[], None] | None = None,
        descendants: Callable[[], int] = lambda: 0,
        end_with_root: bool = False,
    ) -> None:
        self.ended_by = "target"
        self.signalled: list[int] = []
        self._last_ns: dict[int, int] = {}
        self._probe = probe
        self._pid = pid
        self._say = say
        self._duration_ns = duration_ns
        self._tick = tick
        self._descendants = descendants
        self._end_with_root = end_with_root
        self._pidfd = os.pidfd_open(pid)
        self._over_read, self._over_write = os.pipe2(os.O_CLOEXEC)
        self._actions: deque[Callable[[], None]] = deque()
        self._before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        self._thread = threading.Thread(target=self._watch, name="iotrace-conduct", daemon=True)

    def __enter__(self) -> Conductor:
        for number in _FORWARDED:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_alarm)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._over_write)
        self._thread.join()
        for number, before in self._before.items():
            signal.signal(number, before)
        os.close(self._over_read)
        os.close(self._pidfd)

    def root_has_ended(self) -> bool:
        """Whether the first process has ended (it may not have been reaped)."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(0))

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now_ns = time.monotonic_ns()
        last_ns, self._last_ns[number] = self._last_ns.get(number), now_ns
        if last_ns is not None and now_ns - last_ns < _ECHO_NS:
            return
        self.signalled.append(number)
        times = self.signalled.count(number)
        if self.root_has_ended():
            self.ended_by = "interrupt"
            self._probe.stop()
        elif times > 1 and number in (signal.SIGINT, signal.SIGTERM):
            self.ended_by = "kill"
            self._probe.kill()
            if times > 2:
                self._probe.stop()
        elif number not in _FROM_TERMINAL or not _in_foreground():
            self._send(number)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        while self._actions:
            self._actions.popleft()()

    def _send(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def _ring(self, action: Callable[[], None]) -> None:
        self._actions.append(action)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)

    def _watch(self) -> None:
        poll = select.poll()
        poll.register(self._over_read, select.POLLHUP)
        poll.register(self._pidfd, select.POLLIN)
        started_ns = time.monotonic_ns()
        deadlines = _Deadlines()
        if self._duration_ns is not None:
            deadlines.add(started_ns + self._duration_ns, self._end_by_duration)
            deadlines.add(started_ns + self._duration_ns + PATIENCE_NS, self._end_by_force)
        while True:
            left_ms = deadlines.left_ms()
            pause_ms = min(_TICK_MS, left_ms if left_ms is not None else _TICK_MS) if self._tick else left_ms
            for fd, _ in poll.poll(pause_ms):
                if fd == self._over_read:
                    return
                poll.unregister(self._pidfd)
                if self._end_with_root:
                    deadlines.add(time.monotonic_ns() + PATIENCE_NS, self._end_by_force)
                else:
                    deadlines.add(time.monotonic_ns() + PATIENCE_NS // 2, self._tell_of_descendants)
            for action in deadlines.due():
                self._ring(action)
            if self._tick:
                self._tick()

    def _tell_of_descendants(self) -> None:
        count = self._descendants()
        if count:
            words = ngettext(
                "process {pid} has ended; a process of its own still runs and is recorded until Ctrl-C or"
                " SIGTERM",
                "process {pid} has ended; {n} still run and are recorded until Ctrl-C or SIGTERM",
                count,
            )
            self._say(words.format(pid=self._pid, n=count))

    def _end_by_duration(self) -> None:
        self.ended_by = "duration"
        if self.root_has_ended():
            self._probe.stop()
        else:
            self._send(signal.SIGTERM)

    def _end_by_force(self) -> None:
        self._probe.kill()
        self._probe.stop()


class _Deadlines:
    def __init__(self) -> None:
        self._at: list[tuple[int, Callable[[], None]]] = []

    def add(self, at_ns: int, action: Callable[[], None]) -> None:
        self._at.append((at_ns, action))

    def left_ms(self) -> int | None:
        if not self._at:
            return None
        left_ns = min(at for at, _ in self._at) - time.monotonic_ns()
        return max(0, -(-left_ns // 1_000_000))

    def due(self) -> list[Callable[[], None]]:
        now = time.monotonic_ns()
        due = [action for at, action in self._at if at <= now]
        self._at = [(at, action) for at, action in self._at if at > now]
        return due


def _in_foreground() -> bool:
    """Whether this process is in the foreground group of its terminal, if it has one."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
