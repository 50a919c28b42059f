"""Where outputs go: never through a link, never over another file, never half a file."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from iotrace.cli import main
from iotrace.cli.output import OutputError, new_file
from iotrace.creation import make_folders
from iotrace.exporters import PICTURES
from iotrace.exporters.formats import FORMATS
from iotrace.recording import file
from iotrace.recording.layout import RecordingError
from tests.command import COMMAND, LIMIT_S, environment, iotrace
from tests.live import require
from tests.security.unprivileged import GID, UID, open_folder

root_only = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root: sudo is imitated, file systems are mounted"
)
SUDO = {"SUDO_UID": str(UID), "SUDO_GID": str(GID), "SUDO_USER": "nobody"}
PRECIOUS = b"precious"
TRIES = 400


@pytest.fixture
def theirs() -> Iterator[Path]:
    """A folder of the invoking user's."""
    with open_folder() as path:
        yield path


@pytest.fixture
def sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SUDO.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    """A folder of root's that everybody can go to, with a file that must not be touched."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    path = tmp_path / "roots"
    path.mkdir(mode=0o755)
    (path / "out.iotrace").write_bytes(PRECIOUS)
    return path


def state(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    return {
        path.name: (path.lstat().st_uid, path.lstat().st_mode, path.lstat().st_mtime_ns, path.read_bytes())
        for path in folder.iterdir()
    }


def swap(folder: Path, roots: Path) -> None:
    """Make ``folder/way`` a folder and a link to root's by turns, with links where files are about to be."""
    way, real, link = folder / "way", folder / "real", folder / "link"
    link.symlink_to(roots)
    while True:
        with suppress(OSError):
            real.mkdir(exist_ok=True)
            os.rename(real, way)
            for name in () if os.urandom(1)[0] % 2 else ("out.iotrace", f".out.iotrace.{os.getppid()}"):
                os.symlink(roots / "out.iotrace", way / name)
            os.rename(way, real)
        with suppress(OSError):
            os.rename(link, way)
            for _ in range(50):  # as long as the other half
                os.lstat(way)
            os.rename(way, link)
        for name in ("out.iotrace", f".out.iotrace.{os.getppid()}"):
            with suppress(OSError):
                os.unlink(real / name)


@contextmanager
def attacked(folder: Path, roots: Path) -> Iterator[Path]:
    """While the block runs the invoking user does :func:`swap`; yield the folder that comes and goes."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(GID, GID, GID)
            os.setresuid(UID, UID, UID)
            swap(folder, roots)
        finally:
            os._exit(1)
    try:
        yield folder / "way"
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def naive(path: Path) -> None:
    """What a program does that asks first and opens then."""
    if not path.is_symlink():
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        os.fchown(fd, UID, GID)
        os.close(fd)
        path.unlink()


def recording(path: Path) -> None:
    os.close(file.create(path, force=False))


def forced(path: Path) -> None:
    os.close(file.create(path, force=True))


def exported(path: Path) -> None:
    with new_file(path, force=True) as out:
        out.write(b"<svg/>")


def foldered(path: Path) -> None:
    make_folders(path.with_name("made"))


@root_only
def test_the_attack_works_on_a_program_that_is_not_careful(theirs: Path, roots: Path) -> None:
    """It is the control: had it not succeeded here, it would prove nothing below."""
    before = roots.stat().st_mtime_ns
    with attacked(theirs, roots) as way:
        deadline = time.monotonic() + LIMIT_S
        while roots.stat().st_mtime_ns == before and time.monotonic() < deadline:
            with suppress(OSError):
                naive(way / "new")
    assert roots.stat().st_mtime_ns != before


@root_only
@pytest.mark.usefixtures("sudo")
@pytest.mark.parametrize("write", [recording, forced, exported, foldered])
def test_no_file_of_roots_is_touched_whatever_is_swapped(
    theirs: Path, roots: Path, write: Callable[[Path], None]
) -> None:
    before, times = state(roots), roots.stat().st_mtime_ns
    made = 0
    with attacked(theirs, roots) as way:
        tries, deadline = 0, time.monotonic() + LIMIT_S
        while tries < TRIES or (not made and time.monotonic() < deadline):
            tries += 1
            with suppress(RecordingError, OutputError, OSError):
                write(way / "out.iotrace")
                made += 1
    assert made  # now and then the folder was there
    assert state(roots) == before
    assert roots.stat().st_mtime_ns == times  # nothing came, and nothing went
    assert all(path.lstat().st_uid == UID for path in theirs.rglob("*"))


@root_only
@pytest.mark.usefixtures("sudo")
def test_a_folder_of_roots_is_used_where_only_root_could_have_laid_the_way(roots: Path, theirs: Path) -> None:
    os.close(file.create(roots / "new.iotrace", force=False))
    assert (roots / "new.iotrace").stat().st_uid == UID
    forced(roots / "new.iotrace")  # it is the user's: it may be replaced
    with pytest.raises(RecordingError, match="belongs to another user"):
        forced(roots / "out.iotrace")
    (theirs / "link").symlink_to(roots)
    with pytest.raises(RecordingError, match="Permission denied"):
        recording(theirs / "link" / "other.iotrace")
    assert sorted(path.name for path in roots.iterdir()) == ["new.iotrace", "out.iotrace"]
    make_folders(roots / "a" / "b")
    assert (roots / "a" / "b").stat().st_uid == UID


@root_only
@pytest.mark.parametrize("words", [("run", "--", "true"), ("export", "ours.iotrace", "--to", "csv")])
def test_a_link_to_a_folder_of_roots_is_refused_in_one_line(
    theirs: Path, roots: Path, words: tuple[str, ...]
) -> None:
    require("ptrace")
    before = state(roots)
    assert iotrace(theirs, "run", "--probe", "ptrace", "-o", "ours.iotrace", "--", "true").returncode == 0
    (theirs / "way").symlink_to(roots)
    done = subprocess.run(
        [*COMMAND, words[0], "-o", "way/x.iotrace", *words[1:]], cwd=theirs, env=environment(**SUDO),
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1
    assert "way/x.iotrace" in done.stderr
    assert "Permission denied" in done.stderr
    assert state(roots) == before


@root_only
@pytest.mark.parametrize("write", [recording, exported])
def test_another_users_file_in_a_shared_folder_is_not_overwritten(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    tmp_path.chmod(0o1777)
    foreign, link = tmp_path / "out.iotrace", tmp_path / "link.iotrace"
    foreign.write_bytes(PRECIOUS)
    os.chown(foreign, UID, GID)
    link.symlink_to(foreign)
    for path in (foreign, link):
        with pytest.raises(RecordingError):
            recording(path)
        with pytest.raises(OutputError), new_file(path, force=False):
            pass
    write(tmp_path / "ours")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == (0o600 if write is recording else 0o644)
    exported(link)  # --force: the link is replaced, what it led to is not
    assert foreign.read_bytes() == PRECIOUS
    assert not link.is_symlink()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("ptrace")
    path = tmp_path_factory.mktemp("outputs") / "chat.iotrace"
    assert iotrace(path.parent, "demo", "select_chat", "--probe", "ptrace", "-o", str(path)).returncode == 0
    return path


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mount is refused here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


#: How each kind of output is asked for: an export of each format, a figure as each picture.
WRITERS = {
    **{f"export-{each.name}": ("export", "--to", each.name) for each in FORMATS},
    **{f"figure-{each.suffix}": ("figure", "--kind", "timeline") for each in PICTURES},
}


@pytest.fixture(params=WRITERS)
def words(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The words of a command that writes; the name of its output follows."""
    name = str(request.param)
    return (*WRITERS[name], f"out.{name.partition('-')[2]}")


def refused(words: tuple[str, ...], recorded: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that cannot write, and return its one line."""
    capsys.readouterr()
    assert main([words[0], str(recorded), *words[1:-1], "-o", str(out)]) == 125
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert str(out) in said.err
    return said.err


@root_only
def test_a_full_disk_leaves_no_part_of_any_output(
    words: tuple[str, ...], recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mounted(tmp_path / "disk", "size=4k") as disk:
        (disk / "filler").write_bytes(bytes(4096))
        assert "No space left" in refused(words, recorded, disk / words[-1], capsys)
        assert [path.name for path in disk.iterdir()] == ["filler"]


@root_only
def test_a_read_only_file_system_is_said(
    words: tuple[str, ...], recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mounted(tmp_path / "disk", "ro") as disk:
        assert "Read-only file system" in refused(words, recorded, disk / words[-1], capsys)


@pytest.mark.parametrize("what", ["fifo", "folder", "file", "link"])
def test_what_is_there_is_left_alone(
    words: tuple[str, ...], what: str, recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, other = tmp_path / words[-1], tmp_path / "other"
    other.write_bytes(PRECIOUS)
    match what:
        case "fifo":
            os.mkfifo(out)
        case "folder":
            out.mkdir()
        case "file":
            out.write_bytes(PRECIOUS)
        case _:
            out.symlink_to(other)
    before = out.lstat()
    refused(words, recorded, out, capsys)
    assert out.lstat() == before
    assert other.read_bytes() == PRECIOUS
    assert len(list(tmp_path.iterdir())) == 2


@root_only
@pytest.mark.usefixtures("sudo")
def test_an_unwritable_folder_is_said(
    words: tuple[str, ...], recorded: Path, theirs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = theirs / "closed"
    folder.mkdir(mode=0o555)
    assert "Permission denied" in refused(words, recorded, folder / words[-1], capsys)
    assert list(folder.iterdir()) == []


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


@root_only
@pytest.mark.parametrize("what", ["full", "read-only", "closed", "missing", "fifo", "folder", "/dev/full"])
def test_a_recording_that_cannot_be_made_starts_nothing(
    probe: str, what: str, tmp_path: Path, theirs: Path
) -> None:
    """One line, status 125, and the target never ran: it would have said so."""
    out, options = tmp_path / "disk" / "r.iotrace", {"full": "size=4k", "read-only": "ro"}.get(what)
    with mounted(tmp_path / "disk", options or "size=1m") as disk:
        if what == "full":
            (disk / "filler").write_bytes(bytes(4096))
        elif what == "closed":
            (theirs / "closed").mkdir(mode=0o555)
            out = theirs / "closed" / "r.iotrace"
        elif what == "missing":
            out = disk / "no" / "r.iotrace"
        elif what == "fifo":
            os.mkfifo(out)
        elif what == "folder":
            out.mkdir()
        elif what == "/dev/full":
            out = Path("/dev/full")
        before = sorted(disk.iterdir())
        done = subprocess.run(
            [*COMMAND, "run", "--probe", probe, "-o", str(out), "--", "echo", "ran"], cwd=tmp_path,
            env=environment(**(SUDO if what == "closed" else {})), capture_output=True, text=True,
            timeout=LIMIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 125
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert str(out) in done.stderr
        assert sorted(disk.iterdir()) == before
        if what == "fifo":
            assert stat.S_ISFIFO(out.lstat().st_mode)
    if what == "closed":
        assert list(out.parent.iterdir()) == []
    shutil.rmtree(tmp_path / "disk")


@root_only
def test_whole_commands_while_it_is_swapped(theirs: Path, roots: Path) -> None:
    require("ptrace")
    before, times = state(roots), roots.stat().st_mtime_ns
    assert iotrace(theirs, "run", "--probe", "ptrace", "-o", "ours.iotrace", "--", "true").returncode == 0
    with attacked(theirs, roots) as way:
        for words in (
            ("run", "--probe", "ptrace", "--force", "-o", str(way / "out.iotrace"), "--", "true"),
            ("export", "ours.iotrace", "--to", "svg", "--force", "-o", str(way / "out.iotrace")),
            ("compare", "--models", "--probe", "ptrace", "-o", str(way / "models")),
        ):
            done = subprocess.run(
                [*COMMAND, *words], cwd=theirs, env=environment(**SUDO), capture_output=True, text=True,
                timeout=LIMIT_S, check=False,
            )  # fmt: skip
            assert "Traceback" not in done.stderr
    assert state(roots) == before
    assert roots.stat().st_mtime_ns == times
