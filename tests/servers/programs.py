"""Small applications that real servers are given to serve, and their configurations."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

BODY = b"x" * 97

_WEB = """
BODY = b"x" * 97

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "97")])
    return [BODY]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"97")]})
    await send({"type": "http.response.body", "body": BODY})
"""

_TORNADO = """
import sys, tornado.ioloop, tornado.web

class Main(tornado.web.RequestHandler):
    def get(self):
        self.write("x" * 97)

tornado.web.Application([("/", Main)]).listen(int(sys.argv[1]), "127.0.0.1")
tornado.ioloop.IOLoop.current().start()
"""

_CHEROOT = """
import sys
from cheroot import wsgi
from web import wsgi as application

wsgi.Server(("127.0.0.1", int(sys.argv[1])), application, numthreads=3).start()
"""

_UCALL = """
import sys
from ucall.rich_uring import Server

server = Server(hostname="127.0.0.1", port=int(sys.argv[1]))

@server
def echo(text: str) -> str:
    return text

server.run()
"""

_FORKING = """
import socketserver, sys

class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line)

socketserver.ForkingTCPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
"""

_NODE = """
const server = require("net").createServer((socket) => socket.on("data", (data) => socket.write(data)));
server.listen(+process.argv[2], "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
"""

_GO = """
package main

import (
	"bufio"
	"net"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		os.Exit(1)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			os.Exit(1)
		}
		go func() {
			lines := bufio.NewReader(connection)
			for {
				line, err := lines.ReadBytes('\\n')
				if err != nil {
					connection.Close()
					return
				}
				connection.Write(line)
			}
		}()
	}
}
"""


def write(folder: Path) -> None:
    """Put all of them into a folder."""
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_bytes(BODY)
    for name, text in (
        ("web.py", _WEB),
        ("tornado_server.py", _TORNADO),
        ("cheroot_server.py", _CHEROOT),
        ("forking_server.py", _FORKING),
        ("ucall_server.py", _UCALL),
        ("server.js", _NODE),
        ("server.go", _GO),
    ):
        (folder / name).write_text(text)
    folder.chmod(0o755)


def nginx(folder: Path, port: int) -> list[str]:
    """Two workers, each with its epoll set."""
    conf = folder / f"nginx.{port}.conf"
    conf.write_text(
        f"daemon off; worker_processes 2; pid {folder}/nginx.{port}.pid; error_log {folder}/nginx.log;"
        f"events {{ worker_connections 64; }} http {{ access_log {folder}/access.log;"
        f"server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}"
    )
    return ["nginx", "-c", str(conf)]


def lighttpd(folder: Path, port: int) -> list[str]:
    """One process."""
    conf = folder / f"lighttpd.{port}.conf"
    conf.write_text(
        f'server.document-root="{folder}/www"\nserver.port={port}\nserver.bind="127.0.0.1"\n'
        'index-file.names=("index.html")\n'
    )
    return ["lighttpd", "-D", "-f", str(conf)]


def haproxy(folder: Path, port: int) -> list[str]:
    """Two threads."""
    conf = folder / f"haproxy.{port}.cfg"
    conf.write_text(
        "global\n  nbthread 2\ndefaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n"
        f"  timeout server 5s\nfrontend f\n  bind 127.0.0.1:{port}\n"
        f'  http-request return status 200 content-type text/plain string "{BODY.decode()}"\n'
    )
    return ["haproxy", "-f", str(conf), "-db"]


def go(folder: Path, port: int) -> list[str]:
    """Compiled when it is first asked for."""
    program = folder / "goserver"
    if not program.exists():
        subprocess.run(
            [shutil.which("go") or "go", "build", "-o", str(program), "server.go"],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "GO111MODULE": "off"},
            check=True,
        )
    return [str(program), str(port)]


def gunicorn(folder: Path, port: int, *more: str) -> list[str]:
    """With its workers' class."""
    return [
        sys.executable,
        "-m",
        "gunicorn",
        "-b",
        f"127.0.0.1:{port}",
        "--chdir",
        str(folder),
        *more,
        "web:wsgi",
    ]


def uvicorn(folder: Path, port: int, loop: str) -> list[str]:
    """On one of its loops."""
    options = ("--loop", loop, "--port", str(port), "--app-dir", str(folder))
    return [sys.executable, "-m", "uvicorn", *options, "web:asgi"]
