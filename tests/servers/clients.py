"""How clients of each kind talk: what they send, and how they know that the answer is whole."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.servers.programs import BODY

CONNECTIONS, REQUESTS = 11, 7
PATIENCE_S = 15


@dataclass(frozen=True)
class Dialogue:
    """``ask`` is sent for each request, and the answer ends with ``end``.

    ``greeting`` is the end of what a server says first, ``hello`` what the client says before its requests,
    ``welcome`` the end of the answer to it. ``alone``: a connection for each request.
    ``datagrams``: without connections. ``fragile``: the server confuses connections that come or go together
    and some that do not: clients come one after the other, and each gives up when it is not answered.
    ``think_s`` before each request: long enough for a server that is stopped at each call, on a busy machine,
    to come to its wait first; data that lie there at its first try prove no way of waiting.
    """

    ask: bytes
    end: bytes
    greeting: bytes = b""
    hello: bytes = b""
    welcome: bytes = b""
    alone: bool = False
    datagrams: bool = False
    fragile: bool = False
    think_s: float = 0.053

    @property
    def connections(self) -> int:
        """How many connections all clients make together."""
        return 0 if self.datagrams else CONNECTIONS * (REQUESTS if self.alone else 1)

    @property
    def messages(self) -> int:
        """How often they send something, all together."""
        return CONNECTIONS * (REQUESTS + bool(self.hello))


_CALL = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":{"text":"as it was sent"}}'
_POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(_CALL)
_LINE = b"as it was sent\n"
#: protocol.html of PostgreSQL: a message is a letter, its length, and the rest; Z is "ready for query".
_START = struct.pack(">II", 23, 3 << 16) + b"user\0postgres\0\0"
_READY = b"Z\0\0\0\5I"
#: RFC 1035: a question for the address of x.test; the answer ends with it.
_QUESTION = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\1x\4test\0\0\1\0\1"

DIALOGUES = {
    "http": Dialogue(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", BODY),
    "http/1.0": Dialogue(b"GET / HTTP/1.0\r\n\r\n", BODY, alone=True),
    "redis": Dialogue(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    "memcached": Dialogue(b"version\r\n", b"\r\n"),
    "line": Dialogue(_LINE, _LINE),
    "ftp": Dialogue(b"NOOP\r\n", b"\r\n", greeting=b"\r\n"),
    "postgresql": Dialogue(b"Q\0\0\0\rselect 1\0", _READY, hello=_START, welcome=_READY),
    "dns": Dialogue(_QUESTION, bytes((127, 0, 0, 9)), datagrams=True),
    "line/udp": Dialogue(_LINE, _LINE, datagrams=True),
    "json-rpc": Dialogue(_POST + _CALL, b'"as it was sent"}', alone=True, fragile=True, think_s=0.023),
}


def drive(speaks: str, port: int) -> None:
    """Make all connections and all requests on each; every answer must be right."""
    dialogue = DIALOGUES[speaks]
    with ThreadPoolExecutor(1 if dialogue.fragile else CONNECTIONS) as pool:
        for done in [pool.submit(_client, dialogue, port) for _ in range(CONNECTIONS)]:
            with contextlib.suppress(*((OSError, AssertionError) if dialogue.fragile else ())):
                done.result()


def _client(dialogue: Dialogue, port: int) -> None:
    for _ in range(REQUESTS if dialogue.alone else 1):
        with _connect(dialogue, port) as connection:
            if dialogue.greeting:
                _await(connection, dialogue.greeting)
            if dialogue.hello:
                connection.sendall(dialogue.hello)
                _await(connection, dialogue.welcome)
            for _ in range(1 if dialogue.alone else REQUESTS):
                time.sleep(dialogue.think_s)
                connection.sendall(dialogue.ask)
                _await(connection, dialogue.end)


def _connect(dialogue: Dialogue, port: int) -> socket.socket:
    if not dialogue.datagrams:
        return socket.create_connection(("127.0.0.1", port), timeout=1 if dialogue.fragile else PATIENCE_S)
    connection = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    connection.settimeout(PATIENCE_S)
    connection.connect(("127.0.0.1", port))
    return connection


def _await(connection: socket.socket, end: bytes) -> None:
    answer = b""
    while not answer.endswith(end):
        part = connection.recv(1 << 16)
        assert part, answer[-300:]
        answer += part
