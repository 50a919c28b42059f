"""Join every task of process trees that run already: threads and descendants, also those made meanwhile.

Facts of ptrace(2) that shape this module:

- PTRACE_SEIZE changes nothing that a task does, but a task stops at its calls only after a first stop, for
  which it has to be told: PTRACE_INTERRUPT. What a sleeping call makes of that:
  :mod:`probes.ptrace.interrupted`.
- What a seized task makes is seized by the kernel. A task that was in the midst of making another is found
  to be seized before the other one is: hence two looks that meet nobody new, after everybody has stopped
  once.
- Any stop uses up a PTRACE_INTERRUPT: whatever comes first ends the joining of a task.
"""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Sequence

from probes import process_tree
from probes.ptrace import refusals
from probes.ptrace.abi import ATTACHED_OPTIONS, PTRACE_INTERRUPT, PTRACE_SEIZE, ptrace
from probes.ptrace.interrupted import State, state_of
from probes.ptrace.tasks import Joining, Thread
from probes.ptrace.tree import Tree

#: How long a thread in the midst of moving data is left alone, and how long an unfinished joining is waited
#: for.
PATIENCE_NS = 1_000_000_000
_LIMIT_NS = 2_000_000_000
_QUIET_LOOKS = 2


class Joiner:
    """Takes the tasks of trees over. :meth:`look` again and again, serving the stops in between, until done.

    ``refused``: tasks that the kernel does not let us trace, other than the first process.
    """

    def __init__(self, tree: Tree, roots: Sequence[int], now: int) -> None:
        self.refused = 0
        self._tree = tree
        self._roots = roots
        self._began = now
        self._met: set[int] = set()
        self._quiet = 0

    def begin(self) -> None:
        """Seize the given processes. Raises :class:`probes.contract.ProbeError` where one cannot be had."""
        for pid in self._roots:
            self._meet(pid, pid, required=True)

    def look(self, now: int) -> bool:
        """Seize who is new, ask them to stop; tell whether all have joined, or waiting longer is no use."""
        new = False
        for root in self._roots:
            for tgid, tid in process_tree.tasks(root):
                if tid not in self._met:
                    new |= self._meet(tgid, tid)
        late = False
        for thread in list(self._tree.threads.values()):
            if thread.joining is Joining.SEIZED or thread.joining is Joining.PUT_OFF:
                self._ask(thread, now)
            late |= thread.joining is not Joining.JOINED
        self._quiet = 0 if new or late else self._quiet + 1
        return self._quiet >= _QUIET_LOOKS or now - self._began > _LIMIT_NS

    def _meet(self, tgid: int, tid: int, required: bool = False) -> bool:
        """Seize a task; tell whether it is ours now."""
        self._met.add(tid)
        if tid in self._tree.threads:
            return False
        if ptrace(PTRACE_SEIZE, tid, 0, ATTACHED_OPTIONS) == 0:
            self._tree.adopt(tid, tgid).joining = Joining.SEIZED
            return True
        number = ctypes.get_errno()
        if required:
            raise refusals.refusal(tgid, number)
        if number != errno.ESRCH and refusals.concerns(tgid, tid):
            self.refused += 1
        return False

    def _ask(self, thread: Thread, now: int) -> None:
        state = state_of(thread.tgid, thread.tid)
        if state is State.MOVING:
            thread.joining = Joining.PUT_OFF
            if now - self._began < PATIENCE_NS:
                return
            thread.joining = Joining.SHORTENED
        else:
            thread.joining = Joining.ASKED
        ptrace(PTRACE_INTERRUPT, thread.tid, 0, 0)
