"""A server whose names are attacks: on terminals, mark-up, rich, spreadsheets, readers from right to left.

It calls itself, its sockets, files, pipes and clients so. Run it with a hostile argument.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import socket
import sys

#: Each at most 100 bytes, for a socket's path has 108; bytes, for not all is UTF-8.
ATTACKS = (
    b"\x1b]0;taken\x07\x1b[2J\x1b[31m",
    b"</script><script>alert(1)</script>",
    b'"><img src=x onerror=alert(1)><svg onload=alert(1)>&amp;<!--',
    b"</text></title></desc><script>alert(1)</script>]]>",
    "\u202egnp.exe\u2066\u200f\ufeff\u2028".encode(),
    b"two\nlines\r\tand\x0bmore\x0c",
    b"\xff\xfe\x80\xc3(\x9b31m\xc2\x9b31m",
    b"[/bold][red]%s{0}${x}[link=file:..]",
    b"=1+cmd|' '!A0",
    b"'; DROP TABLE calls; --\\x1b$(reboot)`id`",
)
COMM = b"\x1b[31m[/b]<b>\n"


def main() -> None:
    ctypes.CDLL(None).prctl(15, COMM, 0, 0, 0)  # PR_SET_NAME
    base = os.open(".", os.O_RDONLY)
    for number, attack in enumerate(ATTACKS):
        name = attack.replace(b"/", b"|") + b"%d" % number  # a file's name has no slash
        serve(name, name + b".client")
        serve(b"\0" + attack, b"\0" + attack + b"client")
        # Files below folders of that name, and names beyond what the kernel takes: 10 kB.
        os.mkdir(name + b".folder", dir_fd=base)
        fd = os.open(name + b".folder/" + name, os.O_CREAT | os.O_RDWR, dir_fd=base)
        os.write(fd, b"x")
        os.pread(fd, 1, 0)
        os.close(fd)
        with contextlib.suppress(OSError):
            os.open(attack * (10_000 // len(attack)), os.O_RDONLY)
        os.mkfifo(name + b".pipe", dir_fd=base)
        fifo = os.open(name + b".pipe", os.O_RDWR, dir_fd=base)
        os.write(fifo, b"y")
        os.read(fifo, 1)
        os.close(fifo)
        memory = os.memfd_create(attack.decode("utf-8", "surrogateescape"))
        os.write(memory, b"z")
        os.close(memory)
    print("served", flush=True)


def serve(address: bytes, peer: bytes) -> None:
    """Take a connection and a message on a socket of a name, from a client that has one."""
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(address)
        server.listen()
        client.bind(peer)
        client.connect(address)
        select.select([server], [], [], 1)
        taken, _ = server.accept()
        client.sendall(b"hello")
        select.select([taken], [], [], 1)
        taken.recv(100)
        taken.close()


if __name__ == "__main__":
    assert sys.argv[1:]
    main()
