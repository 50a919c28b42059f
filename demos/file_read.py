"""Reading a file: from the disk or from the page cache, with one copy more or less.

Look at the reads. Cold: the data are not in the kernel's page cache; the read sleeps until the disk has
delivered (state D), then copies from the cache. Read ahead: the kernel fetches more than it was asked for,
and few reads wait. Warm: all is there, reads only copy. mmap: the cache's own pages, no read and no copy;
what it waits and pays for are page faults, which are no calls: with one pass over the file it saves nothing.
O_DIRECT: the disk writes into our own buffer, no cache and no second copy: every read waits, and afterwards
a read that must not wait (RWF_NOWAIT) finds no block of the file in the cache.
"""

import mmap
import os
import resource
import tempfile
import time
import zlib
from collections.abc import Callable

BLOCK = 1 << 20
BLOCKS = 23
SIZE = BLOCK * BLOCKS
O_DIRECT = getattr(os, "O_DIRECT", 0)


def through(fd: int, buffer: mmap.mmap) -> int:
    """Read the whole file block by block; return its checksum."""
    checksum = 0
    for block in range(BLOCKS):
        if os.preadv(fd, [buffer], block * BLOCK) != BLOCK:
            raise OSError("the file is shorter than what was written")
        checksum = zlib.crc32(buffer, checksum)
    return checksum


def mapped(fd: int) -> int:
    """Look at the file's pages where they are; return its checksum."""
    with mmap.mmap(fd, SIZE, prot=mmap.PROT_READ) as pages:
        return zlib.crc32(pages)


def cached(fd: int) -> int:
    """Return how many blocks begin in the page cache: a read that must not wait (RWF_NOWAIT) gets them."""
    held = 0
    for block in range(BLOCKS):
        try:
            held += os.preadv(fd, [bytearray(1)], block * BLOCK, os.RWF_NOWAIT)
        except BlockingIOError:
            continue  # EAGAIN: this block would come from the disk
    return held


def forget(fd: int) -> None:
    """Let the page cache drop the file (it must be on the disk: fsync)."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def measure(name: str, read: Callable[[], int], expected: int) -> None:
    before, began, cpu = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), time.process_time()
    if read() != expected:
        raise OSError(f"{name}: what was read is not what was written")
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    major, minor = after.ru_majflt - before.ru_majflt, after.ru_minflt - before.ru_minflt
    print(f"{name:12}{took * 1000:9.1f}{(took - cpu) * 1000:12.1f}{cpu * 1000:9.1f}{major:14}{minor:7}")


def main() -> None:
    content = os.urandom(BLOCK) * BLOCKS
    expected = zlib.crc32(content)
    with tempfile.NamedTemporaryFile(dir="/var/tmp") as file:
        fd = file.fileno()
        os.write(fd, content)
        os.fsync(fd)
        buffer = mmap.mmap(-1, BLOCK)  # aligned to a page, as O_DIRECT wants it
        buffer.write(bytes(BLOCK))
        print(f"{BLOCKS} MiB        wall ms  off CPU ms   CPU ms  major faults  minor")
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)  # do not read ahead
        forget(fd)
        measure("read, cold", lambda: through(fd, buffer), expected)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        forget(fd)
        measure("read ahead", lambda: through(fd, buffer), expected)
        measure("read, warm", lambda: through(fd, buffer), expected)
        warm = cached(fd)
        measure("mmap, warm", lambda: mapped(fd), expected)
        forget(fd)
        measure("mmap, cold", lambda: mapped(fd), expected)
        try:
            direct = os.open(file.name, os.O_RDONLY | O_DIRECT)
            forget(fd)
            measure("O_DIRECT", lambda: through(direct, buffer), expected)
            print(f"in the page cache: {warm} of {BLOCKS} blocks when warm, {cached(fd)} after O_DIRECT")
        except OSError as error:
            print(f"O_DIRECT: not on this file system: {error}")


if __name__ == "__main__":
    main()
