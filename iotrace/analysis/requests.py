"""io_uring requests as operations: begun by their submission, ended by their completion.

Opcodes are those of ``enum io_uring_op`` in ``include/uapi/linux/io_uring.h``.
"""

from __future__ import annotations

import numpy as np

from iotrace.analysis.attempts import DATAGRAMS, STREAMS
from iotrace.analysis.axis import Ints
from iotrace.analysis.descriptors import Lives
from iotrace.analysis.model import Act, Basis, Model
from iotrace.analysis.operation import Operations
from iotrace.analysis.ring_files import ACCEPT
from iotrace.columns import Events
from probes.events import Flag, Kind

_READS = (1, 4, 22, 49)  # READV, READ_FIXED, READ, READ_MULTISHOT
_RECEIVES = (10, 27, 58)  # RECVMSG, RECV, RECV_ZC


def by_requests(events: Events, lives: Lives) -> Operations:
    """Build the operations that io_uring completed: receives and accepts that succeeded."""
    rows = np.flatnonzero(events["kind"] == Kind.RING)
    if not len(rows):
        return Operations(0)
    opcode, result = events["a"][rows], events["ret"][rows]
    tgid, fd = events["tgid"][rows].astype(np.int64), events["fd"][rows].astype(np.int64)
    submitted = events["enter_ns"][rows]
    life = lives.find(tgid, fd, submitted)
    kinds = np.array(["unknown" if index < 0 else lives.kind[index] for index in life])
    taken = (np.isin(opcode, _RECEIVES) & (result > 0)) | (opcode == ACCEPT) & (result >= 0)
    taken |= np.isin(opcode, _READS) & (result > 0) & np.isin(kinds, list(STREAMS))
    datagram = np.isin(kinds, list(DATAGRAMS))
    rows, life, opcode, datagram = rows[taken], life[taken], opcode[taken], datagram[taken]
    op = Operations(len(rows))
    accept = opcode == ACCEPT
    op["act"] = np.where(accept, Act.ACCEPT, np.where(datagram, Act.RECEIVE_DATAGRAM, Act.RECEIVE))
    op["model"] = Model.ASYNCHRONOUS
    begin, completed = _begun(events, rows), events["exit_ns"][rows]
    done = events["done_ns"][rows]
    copy_seen, ready_seen = events["copy_ns"][rows], events["ready_ns"][rows]
    end = np.maximum(np.where((done > 0) & (copy_seen > 0), done, completed), begin)
    copy = np.where(accept, end, np.where(copy_seen > 0, copy_seen, end))
    ready = np.where(ready_seen > 0, ready_seen, copy)
    op["at_once"] = ready <= begin
    op["by_worker"] = (events["flags"][rows] & Flag.BY_WORKER) != 0
    op["arrived_ns"] = ready_seen
    op["begin_ns"], op["begin_basis"] = begin, Basis.MEASURED
    op["ready_ns"] = np.clip(ready, begin, end)
    op["ready_basis"] = np.where(ready_seen > 0, Basis.MEASURED, Basis.BOUNDED)
    op["copy_ns"] = np.clip(copy, op["ready_ns"], end)
    op["copy_basis"] = np.where(copy_seen > 0, Basis.MEASURED, np.where(accept, Basis.MEASURED, Basis.UNSEEN))
    op["end_ns"], op["end_basis"] = end, Basis.MEASURED
    op["blocked2_ns"] = np.where(op["by_worker"] | (copy_seen == 0), 0, op["end_ns"] - op["copy_ns"])
    op["bytes"] = np.where(accept, 0, events["ret"][rows])
    op["call"], op["wait"] = rows, -1
    op["life"], op["fd"] = life, events["fd"][rows]
    op["tid"] = op["waiter"] = events["tid"][rows]
    op["tgid"] = events["tgid"][rows]
    return op


def _begun(events: Events, rows: Ints) -> Ints:
    """Return (n,) when each began to wait: a multishot request, which completes many times, with its last."""
    begin, end = events["enter_ns"][rows], events["exit_ns"][rows]
    order = np.lexsort((end, begin, events["fd"][rows], events["tgid"][rows]))
    again = np.zeros(len(rows), bool)
    again[1:] = begin[order][1:] == begin[order][:-1]
    for name in ("fd", "tgid", "a", "b"):
        values = events[name][rows][order]
        again[1:] &= values[1:] == values[:-1]
    begun = begin.copy()
    begun[order[again]] = end[order[np.flatnonzero(again) - 1]]
    return begun
