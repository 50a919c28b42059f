"""Coroutines: they leave at I/O. And when do they come back? When epoll_wait() names their descriptor.

Look at a receive: the coroutine asks, EAGAIN, and it is left; its descriptor goes into the epoll set.
The loop sleeps in epoll_wait() for all of them. When that returns, it names descriptors: for each the loop
receives, and hands the data to the coroutine that waits for them. Nothing else brings a coroutine back:
this is I/O multiplexing, whose callbacks are written `await`.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path


async def serve(server: socket.socket) -> None:
    server.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as conversations:
        while True:
            connection, _ = await loop.sock_accept(server)
            conversations.create_task(converse(connection))


async def converse(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with connection, contextlib.suppress(ConnectionError):  # a client may leave at any time
        connection.setblocking(False)
        while message := await loop.sock_recv(connection, 64 << 10):  # leaves here, and comes back here
            await loop.sock_sendall(connection, message)


def listen(port: int) -> socket.socket:
    """Listen on the loopback, and say where: on standard output and in the file that a script waits for."""
    server = socket.create_server(("127.0.0.1", port))
    port = server.getsockname()[1]
    if name := os.environ.get("IOTRACE_DEMO_PORT_FILE"):
        Path(f"{name}.new").write_text(str(port))
        os.replace(f"{name}.new", name)
    print(f"listening on 127.0.0.1:{port}", flush=True)
    return server


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # an exception might end up in any coroutine
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Echoes, a coroutine for each client.")
    parser.add_argument("--port", type=int, default=0 if os.environ.get("IOTRACE_DEMO_PORT_FILE") else 8812)
    with listen(parser.parse_args().port) as listening:
        asyncio.run(serve(listening))
