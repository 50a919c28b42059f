"""One run of the programs: the maps, the rows that come out, the accounts at the end."""

from __future__ import annotations

import ctypes
import errno
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from probes.contract import Options, ProbeError
from probes.ebpf import image, metadata, programs, tracefs
from probes.ebpf.loaded import Loaded
from probes.ebpf.mapped import ACCOUNT, PLACES, RUN, RingBuffer, map_array
from probes.ebpf.states import SIGNAL_KEY, SIGNAL_SENT, TASK, read_hash
from probes.ebpf.transport import Joiner
from probes.events import EVENT, Batch, Kind

_BYTES_PER_S = 100e6  # what a busy target can write, for how often to look
_NO_FD = 7  # of task.args
_MOST = 1 << 18  # records a drain takes


class Session:
    """Programs attached, nothing followed yet. Raises :class:`ProbeError` where that fails."""

    def __init__(self, options: Options, notes: dict[str, object]) -> None:
        folder = _tracefs(notes)
        if remark := image.distrusted():
            notes["cache"] = remark
        size = options.buffer_bytes
        if size < 4096 or size & (size - 1):
            raise ProbeError(
                f"the buffer size {size} is not a power of two of at least 4096: choose 67108864"
            )
        self.buffer_bytes = size
        self.fill_s = size / _BYTES_PER_S
        cpus = _possible_cpus()
        self._loaded = Loaded(programs.plan(folder, options.withhold), size, cpus)
        table = map_array(self._fd("calls"), metadata.CALL_META, metadata.NUMBERS)
        table[:] = metadata.call_metadata(platform.machine())
        self._accounts = map_array(self._fd("accounts"), ACCOUNT, cpus)
        self._run = map_array(self._fd("runs"), RUN, 1)
        self._states = map_array(self._fd("tasks"), TASK, programs.TASKS)
        self._places = map_array(self._fd("places"), PLACES, programs.pids() // 4 + 1)
        self._ring = RingBuffer(self._fd("events"), size)
        self._received = np.zeros(cpus, np.int64)
        self._joiner = Joiner()
        self._made = 0
        self._joined = False
        self._pending: set[tuple[int, int]] = set()
        self._loaded.attach()

    @property
    def evidence(self) -> list[str]:
        """What this run can see, of :data:`probes.contract.EVIDENCE`."""
        return list(self._loaded.plan.evidence)

    @property
    def missing(self) -> dict[str, str]:
        """Evidence that this kernel lacks: name to reason."""
        return dict(self._loaded.plan.missing)

    def follow(self, tid: int) -> None:
        """Follow a process that has not yet exec'ed: its recording begins when it does."""
        slot = np.array([1 + tid % (programs.TASKS - 1)], np.uint32)
        if self._loaded.update("owners", slot, np.array([tid], np.uint32)) < 0:
            raise ProbeError("the kernel refuses to follow the target (map update): use --probe ptrace")
        task = self._states[slot]
        task["call"]["tid"] = task["call"]["tgid"] = tid
        task["args"][0, _NO_FD] = np.uint64(2**64 - 1)
        task["status"] = -1
        task["slot"] = slot
        self._states[slot] = task
        self._run["tasks"] += 1
        self._places["slot"][tid >> 2, tid & 3] = slot[0]

    def join(self, tid: int, tgid: int, threaded: bool) -> bool:
        """Follow a task that runs already, from now on; False where there is no room for it.

        Its call under way, if any, began before and is not recorded: the next one is the first.
        """
        if self._places["slot"][tid >> 2, tid & 3]:
            return True  # its parent was followed when it was made
        for number in range(16):
            slot = np.array([1 + (tid + number * 1021) % (programs.TASKS - 1)], np.uint32)
            owner = np.array([tid], np.uint32)
            if self._loaded.update("owners", slot, owner, only_new=True) < 0:
                if self._loaded.look_up("owners", slot, owner) == 0 and int(owner[0]) == tid:
                    return True  # its parent was followed, and the kernel is about to say so
                continue
            task = np.zeros(1, TASK)
            task["call"]["tid"], task["call"]["tgid"] = tid, tgid
            task["args"][0, _NO_FD] = np.uint64(2**64 - 1)
            task["status"], task["armed"], task["threaded"], task["slot"] = -1, 1, threaded, slot
            self._states[slot] = task
            self._places["slot"][tid >> 2, tid & 3] = slot[0]
            self._joined = True
            return True
        return False

    def leave(self, tid: int) -> None:
        """Forget a task that ended before it was followed: nobody will say so."""
        slot = int(self._places["slot"][tid >> 2, tid & 3])
        if slot and int(self._states["call"]["tid"][slot]) == tid:
            self._places["slot"][tid >> 2, tid & 3] = 0
            self._states["call"]["tid"][slot] = 0
            self._loaded.delete("owners", np.array([slot], np.uint32))

    def tasks(self) -> int:
        """Return how many tasks are followed now."""
        if self._joined:  # the programs' count is theirs: user space cannot add to it without a race
            return int(np.count_nonzero(self._states["call"]["tid"]))
        return int(self._run["tasks"][0])

    def drain(self) -> NDArray[np.void]:
        """Take what the ring buffer holds: (n,) EVENT, still with AUX records."""
        records = self._ring.drain(_MOST)
        if len(records):
            self._received += np.bincount(records["cpu"], minlength=len(self._received))
        return records

    def joined(self, records: NDArray[np.void]) -> Batch:
        """Return ``records`` as rows with their sets and bytes."""
        return self._joiner.join(records)

    def pending(self, before_ns: int | None) -> NDArray[np.void]:
        """Return PENDING rows (n,) EVENT of calls under way since before ``before_ns``, each call once."""
        tasks = self._tasks()
        calls = tasks["call"][(tasks["armed"] > 0) & (tasks["call"]["enter_ns"] > 0)]
        if before_ns is not None:
            calls = calls[calls["enter_ns"] < before_ns]
        new = [
            (int(tid), int(ns)) not in self._pending
            for tid, ns in zip(calls["tid"], calls["enter_ns"], strict=True)
        ]
        rows = np.ascontiguousarray(calls[np.array(new, bool)]).astype(EVENT)
        self._pending.update(zip(rows["tid"].tolist(), rows["enter_ns"].tolist(), strict=True))
        rows["kind"] = Kind.PENDING
        rows["exit_ns"] = 0
        rows["ret"] = 0
        rows["parts"] = 0
        self._made += len(rows)
        return rows

    def open_gaps(self) -> NDArray[np.void]:
        """Return GAP rows (n,) EVENT for losses after which no row was written on their CPU."""
        rows = []
        for cpu in np.flatnonzero(self._accounts["gap_rows"]):
            row = np.zeros((), EVENT)
            account = self._accounts[cpu]
            row["kind"], row["cpu"], row["fd"] = Kind.GAP, cpu, -1
            row["enter_ns"], row["exit_ns"] = account["gap_first_ns"], account["gap_last_ns"]
            row["a"] = account["gap_rows"]
            rows.append(row)
        self._made += len(rows)
        return np.array(rows, EVENT)

    def unseen_signals(self) -> NDArray[np.void]:
        """Return SIGNAL rows (n,) EVENT of signals that were sent and not delivered so far."""
        if "signal" not in self.evidence:
            return np.empty(0, EVENT)
        keys, sent = read_hash(self._loaded.lib, self._fd("signals"), SIGNAL_KEY, SIGNAL_SENT, 4096)
        rows = np.zeros(len(keys), EVENT)
        rows["kind"], rows["fd"] = Kind.SIGNAL, -1
        rows["enter_ns"], rows["b"], rows["waker"] = sent["sent_ns"], sent["code"], sent["sender"]
        rows["a"] = keys & 0xFF
        rows["tid"] = rows["tgid"] = keys >> 16
        self._made += len(rows)
        return rows

    def can_read(self) -> bool:
        """Return whether bpf(2) lets us look into a map now."""
        owner = np.zeros(1, np.uint32)
        return self._loaded.look_up("owners", np.zeros(1, np.uint32), owner) == 0 or (
            ctypes.get_errno() == errno.ENOENT
        )

    def processes(self) -> list[int]:
        """Return the tgids that are followed now."""
        return sorted(set(self._tasks()["call"]["tgid"].tolist()))

    def balance(self, notes: dict[str, object]) -> tuple[int, int]:
        """Return rows produced and lost; put the accounts of every CPU into ``notes``.

        AUX records are the transport's own: those that arrived are no rows; those lost count as lost.
        """
        produced, lost = self._produced(), self._accounts["lost"]
        notes["cpus"] = [
            {"cpu": cpu, "produced": int(made), "stored": int(stored), "lost": int(gone)}
            for cpu, (made, stored, gone) in enumerate(zip(produced, self._received, lost, strict=True))
            if made
        ]
        notes["unaccounted"] = int(produced.sum()) - int(lost.sum()) - int(self._received.sum())
        if refused := int(self._run["refused"][0]):
            already = notes.get("tasks_refused")
            notes["tasks_refused"] = refused + (already if isinstance(already, int) else 0)
        if unseen := self._loaded.passed_over():
            notes["passed_over"] = unseen
        return int(produced.sum()) - self._joiner.pieces + self._made, int(lost.sum())

    def end(self) -> None:
        """Let the programs write no more rows. What they were writing just then still comes."""
        self._accounts["closed"] = 1
        self._loaded.detach_raw()

    def settled(self) -> bool:
        """Return whether every row that was written has been drained."""
        return int((self._produced() - self._accounts["lost"]).sum()) == int(self._received.sum())

    def close(self) -> None:
        """Detach and free everything."""
        self._loaded.close()

    def _fd(self, name: str) -> int:
        return self._loaded.map_fd(name)

    def _produced(self) -> NDArray[np.uint64]:
        total: NDArray[np.uint64] = self._accounts["produced"] + self._accounts["calls"]
        return total

    def _tasks(self) -> NDArray[np.void]:
        """Return a copy of what is known of every followed task."""
        return self._states[self._states["call"]["tid"] > 0]


def _tracefs(notes: dict[str, object]) -> Path:
    folder = tracefs.events()
    if folder is None:
        problem = tracefs.mount()
        folder = tracefs.events()
        if folder is None:
            raise ProbeError(
                f"tracefs cannot be mounted ({problem}): sudo mount -t tracefs tracefs /sys/kernel/tracing"
            )
        notes["mounted"] = str(folder.parent)
    return folder


def _possible_cpus() -> int:
    text = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(text.replace(",", "-").split("-")[-1]) + 1
