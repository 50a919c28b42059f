"""Descriptors that io_uring made: no call returns them, the request's completion does.

Opcodes are those of ``enum io_uring_op`` in ``include/uapi/linux/io_uring.h``.
"""

from __future__ import annotations

import numpy as np

from iotrace.analysis.axis import Ints
from iotrace.columns import Events
from probes.events import Kind

ACCEPT, SOCKET = 13, 45
#: READV, WRITEV, READ_FIXED, WRITE_FIXED, SENDMSG, RECVMSG, READ, WRITE, SEND, RECV: each is of one file.
_OF_A_FILE = (1, 2, 4, 5, 9, 10, 22, 23, 26, 27)


def makers(events: Events) -> Ints:
    """Return the rows of the requests that made a descriptor: their result is its number.

    A process that keeps its files in the ring's own table (``IORING_REGISTER_FILES``) gets places in that
    table for numbers, and its requests name no descriptor: of such a process nothing is returned.
    """
    rows = np.flatnonzero(events["kind"] == Kind.RING)
    if not len(rows):
        return rows
    done = events["ret"][rows] >= 0
    opcode, tgid = events["a"][rows], events["tgid"][rows]
    own_table = done & (events["fd"][rows] < 0) & np.isin(opcode, _OF_A_FILE)
    made = done & np.isin(opcode, (ACCEPT, SOCKET)) & ~np.isin(tgid, tgid[own_table])
    return rows[made]


def kind_made(events: Events, row: int | np.int64) -> str:
    """Return the kind of what a request made, as :data:`iotrace.analysis.descriptors.MADE_BY` does."""
    return "accepted" if int(events["a"][row]) == ACCEPT else "socket"


def accepts(events: Events) -> Ints:
    """Return the rows of the requests that accept on a descriptor, done or not."""
    return np.flatnonzero((events["kind"] == Kind.RING) & (events["a"] == ACCEPT) & (events["fd"] >= 0))
