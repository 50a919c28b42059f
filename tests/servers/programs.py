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

_DATAGRAMS = """
import socketserver, sys

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, ours = self.request
        ours.sendto(data, self.client_address)

socketserver.ThreadingUDPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
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
        ("datagram_server.py", _DATAGRAMS),
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


def apache(folder: Path, port: int, mpm: str) -> list[str]:
    """With one of its ways to serve, and its two modules that a file needs."""
    modules = "/usr/lib/apache2/modules/mod_"
    limits = "MinSpareServers 12\nMaxSpareServers 20\nStartServers 12\n"
    if mpm != "prefork":
        limits = "ThreadsPerChild 12\nStartServers 1\nMaxRequestWorkers 12\nServerLimit 1\n"
    conf = folder / f"apache.{port}.conf"
    conf.write_text(
        f"ServerRoot {folder}\nDefaultRuntimeDir {folder}\nPidFile {folder}/apache.{port}.pid\n"
        f"Listen 127.0.0.1:{port}\nServerName localhost\nErrorLog {folder}/apache.log\n{limits}"
        f"LoadModule mpm_{mpm}_module {modules}mpm_{mpm}.so\nLoadModule dir_module {modules}dir.so\n"
        f"LoadModule authz_core_module {modules}authz_core.so\nDocumentRoot {folder}/www\n"
        "DirectoryIndex index.html\nUser www-data\nGroup www-data\n"
    )
    return ["apache2", "-DFOREGROUND", "-f", str(conf)]


def inetd(folder: Path, port: int) -> list[str]:
    """It gives each connection to a cat."""
    conf = folder / f"inetd.{port}.conf"
    conf.write_text(f"127.0.0.1:{port} stream tcp nowait.1000 root /bin/cat cat\n")
    return ["inetd", "-i", str(conf)]


def vsftpd(folder: Path, port: int) -> list[str]:
    """Anonymous, in the foreground."""
    conf, empty = folder / f"vsftpd.{port}.conf", folder / "empty"
    empty.mkdir(exist_ok=True)
    conf.write_text(
        f"listen=YES\nbackground=NO\nlisten_port={port}\nlisten_address=127.0.0.1\nanonymous_enable=YES\n"
        f"secure_chroot_dir={empty}\n"
    )
    return ["vsftpd", str(conf)]


def postgresql(folder: Path, port: int) -> list[str]:
    """It refuses to be root; its cluster is made when it is first asked for."""
    user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    data = folder / "cluster"
    if not data.exists():
        data.mkdir()
        shutil.chown(data, "postgres", "postgres")
        subprocess.run(
            [*user, postgresql_program("initdb"), "-D", str(data), "-A", "trust", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    options = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "autovacuum=off"]
    return [*user, postgresql_program("postgres"), *options]


def postgresql_program(name: str) -> str:
    """Return a program of the newest version; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else name


def dnsmasq(folder: Path, port: int) -> list[str]:
    """It answers one question itself and asks nobody."""
    return [
        *("dnsmasq", "-k", "-p", str(port), "-a", "127.0.0.1", "-i", "lo", "-z", "-h", "-R", "-u", "root"),
        *("--address=/x.test/127.0.0.9", "-C", "/dev/null", "-x", f"{folder}/dnsmasq.{port}.pid"),
        *("--log-facility", f"{folder}/dnsmasq.log"),
    ]


def granian(folder: Path, port: int) -> list[str]:
    """Two workers."""
    options = ("--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--working-dir", str(folder))
    return [sys.executable, "-m", "granian", "--interface", "asgi", *options, "web:asgi"]
