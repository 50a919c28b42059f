"""Idle is not stuck: a server that sleeps in epoll_wait for more than a second.

Look at the long wait. Nothing that it watches was ready: nobody waited for this process, and it used no
CPU. The moment a message comes it wakes up. A profile that puts epoll_wait on top says there was time to
spare.
"""

import os
import select
import time

QUIET_S = 1.2


def main() -> None:
    reader, writer = os.pipe()
    if os.fork() == 0:
        time.sleep(QUIET_S)  # the world has nothing to say
        os.write(writer, b"at last")
        os._exit(0)
    epoll = select.epoll()
    epoll.register(reader, select.EPOLLIN)
    began, used = time.monotonic(), time.process_time()
    epoll.poll()
    waited, used = time.monotonic() - began, time.process_time() - used
    print(
        f"waited {waited:.1f} s and used {used * 1e3:.1f} ms of CPU time for:", os.read(reader, 100).decode()
    )
    os.wait()


if __name__ == "__main__":
    main()
