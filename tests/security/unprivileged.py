"""Run iotrace as a user that is not root, with exactly the capabilities that a test wants it to have.

The Python of these tests may lie where only root may go (/root). Then a mount namespace of the command's own
shows no more of that place than Python and the checkout.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.command import COMMAND, LIMIT_S, ROOT, environment

#: nobody, of whose processes and files there are none.
UID = GID = 65534

NEEDED = tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix).resolve(), ROOT)))


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that belongs to that user: pytest's own are closed to others."""
    path = Path(tempfile.mkdtemp(prefix="iotrace-user-"))
    os.chown(path, UID, GID)
    try:
        yield path
    finally:
        shutil.rmtree(path)


def run(
    folder: Path, capabilities: Sequence[str], words: Sequence[str], before: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """Run ``iotrace words`` in ``folder``; ``capabilities`` such as "bpf"; ``before``: what to run it by."""
    caps = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    user = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", f"--inh-caps={caps}"]
    user += [f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    return subprocess.run(
        [*reached(folder), *before, *user, *COMMAND, *words], cwd=folder, capture_output=True, text=True,
        timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False,
        env=environment(HOME=str(folder), XDG_CACHE_HOME=str(folder / "cache"), **more),
    )  # fmt: skip


def reached(folder: Path) -> list[str]:
    """Return the command that shows a user what only root may see, and runs the words after it."""
    hidden: dict[Path, list[Path]] = {}
    for needed in NEEDED:
        for place in reversed(needed.parents):
            if not place.stat().st_mode & 0o001:
                hidden.setdefault(place, []).append(needed)
                break
    lines = ["set -e", "mask=$(umask)", "umask 022", "mount --make-rprivate /"]
    for number, (place, paths) in enumerate(hidden.items()):
        held = [(path, folder / f".held-{number}-{at}") for at, path in enumerate(paths)]
        lines += [f"mkdir -p {hold}; mount --bind {shlex.quote(str(path))} {hold}" for path, hold in held]
        lines += [f"mount -t tmpfs -o mode=755 tmpfs {place}"]
        lines += [
            f"mkdir -p {shlex.quote(str(path))}; mount --bind {hold} {shlex.quote(str(path))}"
            for path, hold in held
        ]
    lines += [f"cd {folder}", "umask $mask", 'exec "$@"']
    return ["unshare", "--mount", "sh", "-c", "\n".join(lines), "sh"] if hidden else []
