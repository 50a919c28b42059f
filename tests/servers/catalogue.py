"""Real servers that nobody here wrote, and what their documentation says of them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers import programs

Command = Callable[[Path, int], list[str]]

#: (model, multiplexer)
ASYNCHRONOUS = ("asynchronous", None)
EPOLL = ("multiplexing", "epoll")
POLL = ("multiplexing", "poll")
SELECT = ("multiplexing", "select")
BLOCKING = ("blocking", None)


@dataclass(frozen=True)
class Server:
    """``speaks`` is how its clients talk; ``needs`` a program or a Python module that must be there.

    ``accept`` and ``receive`` are the model and multiplexer, ``process`` the process models that its
    documentation allows (a run may show fewer threads at work than there are). ``source`` says where
    that is written.
    """

    name: str
    needs: str
    command: Command
    speaks: str
    accept: tuple[str, str | None] | None  # None: there are no connections
    receive: tuple[str, str | None]
    process: frozenset[str]
    source: str
    uring: bool = False  # its epoll_ctl may go through io_uring, which hides the trigger
    reads: int = 0  # receives on each connection that are no client's message: a message taken in pieces
    requests: bool = False  # it accepts and receives by io_uring: unseen to ptrace, which must say so
    told: bool = False  # it reads first what its clients may have sent before it was accepted

    def missing(self) -> bool:
        """Whether it is not installed."""
        if self.needs.startswith("python:"):
            return importlib.util.find_spec(self.needs.removeprefix("python:")) is None
        return shutil.which(self.needs) is None


def _loop(*more: str) -> frozenset[str]:
    return frozenset({"event_loop", *more})


SERVERS = (
    Server(
        "nginx",
        "nginx",
        programs.nginx,
        "http",
        EPOLL,
        EPOLL,
        frozenset({"prefork"}),
        "nginx.org/en/docs/ngx_core_module.html: worker_processes, use epoll",
    ),
    Server(
        "lighttpd",
        "lighttpd",
        programs.lighttpd,
        "http",
        EPOLL,
        EPOLL,
        _loop(),
        "lighttpd.conf: server.event-handler, default linux-sysepoll",
    ),
    Server(
        "haproxy",
        "haproxy",
        programs.haproxy,
        "http",
        EPOLL,
        EPOLL,
        _loop("event_loop_per_thread"),
        "haproxy configuration manual: nbthread, each thread has its own poller",
    ),
    Server(
        "redis",
        "redis-server",
        lambda folder, port: [
            "redis-server",
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(folder),
        ],
        "redis",
        EPOLL,
        EPOLL,
        _loop(),
        "redis.io: Redis is single-threaded; ae_epoll.c",
    ),
    Server(
        "memcached",
        "memcached",
        lambda folder, port: [
            "memcached",
            "-u",
            "root",
            "-l",
            "127.0.0.1",
            "-p",
            str(port),
            "-t",
            "3",
            "-U",
            "0",
        ],
        "memcached",
        EPOLL,
        EPOLL,
        frozenset({"event_loop_with_workers"}),
        "memcached(1): -t threads; the main thread accepts, libevent",
    ),
    Server(
        "socat fork",
        "socat",
        lambda folder, port: ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork", "EXEC:/bin/cat"],
        "line",
        SELECT,
        SELECT,
        frozenset({"process_per_connection"}),
        "socat(1): fork; the transfer waits in select",
    ),
    Server(
        "http.server",
        "python:http.server",
        lambda folder, port: [
            sys.executable,
            "-m",
            "http.server",
            str(port),
            "--bind",
            "127.0.0.1",
            "-d",
            str(folder / "www"),
        ],
        "http/1.0",
        POLL,
        BLOCKING,
        frozenset({"thread_per_connection"}),
        "docs.python.org: ThreadingHTTPServer; socketserver's selector",
    ),
    Server(
        "socketserver forking",
        "python:socketserver",
        lambda folder, port: [sys.executable, str(folder / "forking_server.py"), str(port)],
        "line",
        POLL,
        BLOCKING,
        frozenset({"process_per_connection"}),
        "docs.python.org: ForkingMixIn",
    ),
    Server(
        "socketserver datagrams",
        "python:socketserver",
        lambda folder, port: [sys.executable, str(folder / "datagram_server.py"), str(port)],
        "line/udp",
        None,
        POLL,
        frozenset({"thread_per_request"}),
        "docs.python.org: ThreadingUDPServer, a thread for each datagram",
    ),
    Server(
        "gunicorn sync",
        "python:gunicorn",
        lambda folder, port: programs.gunicorn(folder, port, "-w", "2"),
        "http/1.0",
        SELECT,
        BLOCKING,
        frozenset({"prefork"}),
        "docs.gunicorn.org: design, sync workers",
    ),
    Server(
        "gunicorn gthread",
        "python:gunicorn",
        lambda folder, port: programs.gunicorn(folder, port, "-w", "1", "-k", "gthread", "--threads", "3"),
        "http",
        EPOLL,
        EPOLL,
        frozenset({"event_loop_with_workers"}),
        "docs.gunicorn.org: design, a main loop and a pool of threads",
    ),
    Server(
        "uvicorn asyncio",
        "python:uvicorn",
        lambda folder, port: programs.uvicorn(folder, port, "asyncio"),
        "http",
        EPOLL,
        EPOLL,
        _loop(),
        "docs.python.org: asyncio on selectors.DefaultSelector",
    ),
    Server(
        "uvicorn uvloop",
        "python:uvloop",
        lambda folder, port: programs.uvicorn(folder, port, "uvloop"),
        "http",
        EPOLL,
        EPOLL,
        _loop(),
        "docs.libuv.org: design, epoll; epoll_ctl batched by io_uring",
        uring=True,
    ),
    Server(
        "tornado",
        "python:tornado",
        lambda folder, port: [sys.executable, str(folder / "tornado_server.py"), str(port)],
        "http",
        EPOLL,
        EPOLL,
        _loop(),
        "tornadoweb.org: asyncio; a stream reads at once what may be there",
    ),
    Server(
        "waitress",
        "python:waitress",
        lambda folder, port: [
            sys.executable,
            "-m",
            "waitress",
            "--listen",
            f"127.0.0.1:{port}",
            "--threads",
            "3",
            "web:wsgi",
        ],
        "http",
        SELECT,
        SELECT,
        _loop("event_loop_with_workers"),
        "docs.pylonsproject.org: waitress, asyncore's select",
    ),
    Server(
        "cheroot",
        "python:cheroot",
        lambda folder, port: [sys.executable, str(folder / "cheroot_server.py"), str(port)],
        "http/1.0",
        EPOLL,  # its selector; the poll of accept's timeout comes after it, and finds what it found
        POLL,
        frozenset({"thread_pool"}),
        "cheroot.cherrypy.dev: a pool of worker threads; timeouts by settimeout",
    ),
    Server(
        "node",
        "node",
        lambda folder, port: ["node", str(folder / "server.js"), str(port)],
        "line",
        EPOLL,
        EPOLL,
        _loop(),
        "nodejs.org: the event loop; libuv",
        uring=True,
    ),
    Server(
        "go",
        "go",
        programs.go,
        "line",
        EPOLL,
        EPOLL,
        _loop("event_loop_with_workers"),
        "go.dev: runtime/netpoll_epoll.go, edge-triggered",
    ),
    Server(
        "ucall",
        "python:ucall",
        lambda folder, port: [sys.executable, str(folder / "ucall_server.py"), str(port)],
        "json-rpc",
        ASYNCHRONOUS,
        ASYNCHRONOUS,
        _loop(),
        "github.com/unum-cloud/ucall: io_uring, accept and read by a polling kernel thread (SQPOLL)",
        requests=True,
    ),
    Server(
        "apache prefork",
        "apache2",
        lambda folder, port: programs.apache(folder, port, "prefork"),
        "http",
        BLOCKING,
        POLL,
        frozenset({"prefork"}),
        "httpd.apache.org/docs/2.4/mod/prefork.html; a socket's timeout is a poll (APR)",
        told=True,
    ),
    Server(
        "apache event",
        "apache2",
        lambda folder, port: programs.apache(folder, port, "event"),
        "http",
        EPOLL,
        EPOLL,
        frozenset({"event_loop_with_workers"}),
        "httpd.apache.org/docs/2.4/mod/event.html: a listener thread hands connections to workers",
        told=True,
    ),
    Server(
        "inetd",
        "inetd",
        programs.inetd,
        "line",
        EPOLL,
        BLOCKING,
        frozenset({"process_per_connection"}),
        "inetd(8), nowait: cat(1) reads its standard input; libevent",
    ),
    Server(
        "vsftpd",
        "vsftpd",
        programs.vsftpd,
        "ftp",
        BLOCKING,
        BLOCKING,
        frozenset({"process_per_connection"}),
        "vsftpd.conf(5), listen=YES: a process per session",
    ),
    Server(
        "postgresql",
        "pg_ctlcluster",
        programs.postgresql,
        "postgresql",
        SELECT,
        EPOLL,
        frozenset({"process_per_connection"}),
        "postgresql.org/docs: a backend per connection; storage/ipc/latch.c",
        told=True,
    ),
    Server(
        "dnsmasq",
        "dnsmasq",
        programs.dnsmasq,
        "dns",
        None,
        POLL,
        _loop(),
        "dnsmasq(8); src/poll.c",
    ),
    Server(
        "granian",
        "python:granian",
        programs.granian,
        "http",
        EPOLL,
        EPOLL,
        frozenset({"prefork"}),
        "github.com/emmett-framework/granian: tokio, edge-triggered; hyper looks for HTTP/2's preface first",
        reads=1,
    ),
)
