"""docs/permissions.md, statement by statement: what each probe needs, keeps, and hands to its target."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iotrace.recording.reading import read
from probes.capabilities import Capability, held
from probes.ebpf import tracefs
from probes.events import Kind
from tests.command import COMMAND, LIMIT_S, environment
from tests.live import require
from tests.security.unprivileged import GID, UID, open_folder, reached, run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to become another user")

ASKED = Path(__file__).with_name("asked.py")
PYTHON = (sys.executable, "-I", "-S", str(ASKED))
NEEDED = ("bpf", "perfmon", "dac_read_search")
NONE = f"{0:016x}"
SUDO = {"SUDO_UID": str(UID), "SUDO_GID": str(GID), "SUDO_USER": "nobody"}
KEPT = f"{1 << Capability.KILL | 1 << Capability.DAC_READ_SEARCH:016x}"


@pytest.fixture
def folder() -> Iterator[Path]:
    with open_folder() as path:
        yield path


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


def trace(probe: str, *target: str) -> list[str]:
    return ["run", "--probe", probe, "-o", "r.iotrace", "--force", "--", *target]


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what asked.py printed."""
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return facts


def as_root(
    folder: Path, words: Sequence[str], before: Sequence[str] = (), **more: Any
) -> subprocess.CompletedProcess[str]:
    sudo = more.pop("sudo", {})
    return subprocess.run(
        [*reached(folder), *before, *COMMAND, *words], cwd=folder, env=environment(**sudo), text=True,
        capture_output=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, check=False, **more,
    )  # fmt: skip


def test_the_ebpf_probe_runs_with_three_capabilities_and_ends_with_none(folder: Path) -> None:
    require("bpf")
    facts = told(run(folder, NEEDED, trace("bpf", *PYTHON), before=("prlimit", "--memlock=65536")))
    theirs = read(folder / "r.iotrace").header["evidence"]
    assert facts["self"]["Uid"].split() == [str(UID)] * 4
    for each in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert facts["self"][each] == NONE
        assert {thread[each] for thread in facts["tracer"]} == {NONE}
    told(as_root(folder, trace("bpf", *PYTHON)))
    assert theirs == read(folder / "r.iotrace").header["evidence"]  # it sees what root sees


@pytest.mark.parametrize("withheld", NEEDED)
def test_each_of_them_is_needed(folder: Path, withheld: str) -> None:
    require("bpf")
    fewer = [name for name in NEEDED if name != withheld]
    done = run(folder, fewer, trace("bpf", "true"))
    assert (done.returncode, done.stdout) == (125, "")
    assert f"CAP_{withheld.upper()}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "r.iotrace").exists()
    done = run(folder, fewer, trace("auto", "true"))
    assert done.returncode == 0
    assert done.stderr.endswith("this run uses ptrace\n")


@contextmanager
def tracefs_of(group: int) -> Iterator[None]:
    """Let a group read tracefs, whose mount options are those of every mount of it."""
    place = tracefs.PLACES[0]
    mode, owner = place.stat().st_mode & 0o777, place.stat().st_gid

    def remount(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)

    remount(f"gid={group},mode=750")
    try:
        yield
    finally:
        remount(f"gid={owner},mode={mode:o}")


def test_a_group_that_may_read_tracefs_needs_two(folder: Path) -> None:
    require("bpf")
    with tracefs_of(GID):
        assert told(run(folder, ("bpf", "perfmon"), trace("bpf", *PYTHON)))["self"]["CapEff"] == NONE


def test_the_ptrace_probe_needs_nothing(folder: Path) -> None:
    require("ptrace")
    facts = told(run(folder, (), trace("ptrace", *PYTHON)))
    assert facts["self"]["CapEff"] == facts["tracer"][0]["CapEff"] == NONE
    assert facts["self"]["NoNewPrivs"] == "1"


def test_the_ptrace_probe_hands_no_capability_on(folder: Path) -> None:
    require("ptrace")
    facts = told(run(folder, (*NEEDED, "net_bind_service"), trace("ptrace", *PYTHON)))
    assert facts["self"]["CapAmb"] == facts["self"]["CapEff"] == f"{1 << 10:016x}"  # not ours: it stays


def test_a_set_user_id_program_without_its_privilege_is_said(folder: Path, probe: str) -> None:
    helper = folder / "helper"
    shutil.copy("/usr/bin/id", helper)
    helper.chmod(0o4755)
    words = trace(probe, str(helper), "-u")
    done = run(folder, NEEDED if probe == "bpf" else (), words)
    assert done.returncode == 0, done.stderr
    said = f"{helper}: set-user-ID had no effect"
    if probe == "bpf":  # nothing of it is changed
        assert done.stdout.splitlines()[0] == "0"
        assert said not in " ".join(done.stdout.split())
    else:
        assert done.stdout.splitlines()[0] == str(UID)
        assert said in " ".join(done.stdout.split())
    assert as_root(folder, words, sudo=SUDO).stdout.splitlines()[0] == "0"  # as under sudo -u


def test_under_sudo_nothing_of_roots_reaches_the_target(folder: Path, probe: str) -> None:
    given = os.open("/dev/null", os.O_RDONLY)
    try:
        done = as_root(folder, trace(probe, *PYTHON), sudo=SUDO, pass_fds=(given,), umask=0o027)
    finally:
        os.close(given)
    facts = told(done)
    mine = facts["self"]
    assert mine["Uid"].split() == [str(UID)] * 4
    assert mine["Gid"].split() == [str(GID)] * 4
    assert facts["groups"] == [GID]
    assert {mine[each] for each in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {NONE}
    assert mine["NoNewPrivs"] == "0"
    assert facts["umask"] == 0o027
    assert facts["fds"] == [0, 1, 2, given]  # what was handed to us on purpose, and no more
    assert facts["environment"] == {
        "HOME": "/nonexistent", "USER": "nobody", "LOGNAME": "nobody", "OPENBLAS_NUM_THREADS": None,
    }  # fmt: skip
    assert (folder / "r.iotrace").stat().st_uid == UID
    assert (folder / "r.iotrace").stat().st_mode & 0o7777 == 0o600


def test_after_the_load_the_tracer_is_the_invoking_user_with_two_capabilities(folder: Path) -> None:
    require("bpf")
    threads = told(as_root(folder, trace("bpf", *PYTHON), sudo=SUDO))["tracer"]
    assert {thread["Uid"] for thread in threads} == {"\t".join([str(UID)] * 4)}
    assert {(thread["CapEff"], thread["CapPrm"]) for thread in threads} == {(KEPT, KEPT)}


@pytest.mark.parametrize("options", [(), ("--as-root",)])
def test_root_keeps_two_capabilities_and_its_target_all(folder: Path, options: tuple[str, ...]) -> None:
    require("bpf")
    words = trace("bpf", *PYTHON)
    words[1:1] = options
    facts = told(as_root(folder, words, sudo=SUDO if options else {}))
    assert {(thread["CapEff"], thread["CapPrm"]) for thread in facts["tracer"]} == {(KEPT, KEPT)}
    untraced = json.loads(subprocess.run(PYTHON, capture_output=True, check=True).stdout)
    assert facts["self"] == untraced["self"]


def attached(folder: Path, before: Sequence[str], **variables: str) -> set[tuple[str, str, str]]:
    """Attach to a process of root's that makes calls; return (user, effective, permitted) of all threads.

    What is called meanwhile is recorded, and the report of it is printed.
    """
    loop = "import os, time\nwhile True: os.pread(0, 37, 0); time.sleep(0.001)\n"
    with subprocess.Popen([sys.executable, "-c", loop], stdin=subprocess.DEVNULL) as server:
        tracer = subprocess.Popen(
            [*reached(folder), *before, *COMMAND, "attach", "--probe", "bpf", "-o", "r.iotrace",
             str(server.pid)],
            cwd=folder, env=environment(HOME=str(folder), **variables), stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert tracer.stderr is not None
            said = tracer.stderr.readline()
            assert "attached to" in said, said
            time.sleep(0.3)
            threads = list(Path(f"/proc/{tracer.pid}/task").iterdir())
            found = {words((thread / "status").read_text()) for thread in threads}
            tracer.send_signal(signal.SIGINT)
            report, complained = tracer.communicate(timeout=LIMIT_S)
        finally:
            server.kill()
    assert (tracer.returncode, complained) == (0, "")
    assert "0 events lost" in report
    events = read(folder / "r.iotrace")
    assert np.count_nonzero((events["kind"] == Kind.CALL) & (events["a"] == 37)) > 23
    return found


def words(status: str) -> tuple[str, str, str]:
    """Return the real user and the capabilities of proc(5)'s status."""
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return lines["Uid"].split()[0], lines["CapEff"], lines["CapPrm"]


def test_attached_it_keeps_what_it_reads_its_modules_with(folder: Path) -> None:
    require("bpf")
    read_only = f"{1 << Capability.DAC_READ_SEARCH:016x}"
    assert attached(folder, ()) == {("0", read_only, read_only)}
    (folder / "r.iotrace").unlink()
    assert attached(folder, (), **SUDO) == {(str(UID), read_only, read_only)}
    assert (folder / "r.iotrace").stat().st_uid == UID
    (folder / "r.iotrace").unlink()
    caps = ",".join(["-all", *(f"+{name}" for name in NEEDED)])
    user = ["setpriv", f"--reuid={UID}", f"--regid={GID}", "--clear-groups", f"--inh-caps={caps}"]
    user += [f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    assert attached(folder, user) == {(str(UID), NONE, NONE)}


FILTER = """
import errno, os, pyseccomp, sys
rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
rules.add_rule(pyseccomp.ERRNO(errno.EPERM), sys.argv[1])
rules.load()
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("call", ["bpf", "perf_event_open"])
def test_a_seccomp_filter_that_refuses_is_named(folder: Path, call: str) -> None:
    require("bpf")
    before = (sys.executable, "-c", FILTER, call)
    done = as_root(folder, trace("bpf", "true"), before)
    assert done.returncode == 125
    assert done.stderr.startswith("iotrace: no eBPF: a seccomp filter, as containers have")
    assert f"forbids {call}(2)" in done.stderr
    assert done.stderr.count("\n") == 1
    done = as_root(folder, trace("auto", "true"), before)
    assert done.returncode == 0
    assert f"forbids {call}(2)" in done.stderr
    doctor = as_root(folder, ["doctor"], before)
    assert f"forbids {call}(2)" in doctor.stdout


def test_a_user_namespace_is_named(folder: Path) -> None:
    require("bpf")
    before = ("unshare", "--user", "--map-root-user")
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel lets nobody make a user namespace")
    done = as_root(folder, trace("bpf", "true"), before)
    assert done.returncode == 125
    assert "this user namespace, whose capabilities are not the kernel's" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_doctor_says_what_is_missing(folder: Path) -> None:
    found = json.loads(run(folder, (), ["doctor", "--json"]).stdout)
    (mine,) = (each for each in found["findings"] if each["subject"] == "privileges")
    assert "CAP_BPF and CAP_PERFMON" in mine["finding"]
    assert "docs/permissions.md" in mine["remedy"]
    found = json.loads(run(folder, NEEDED, ["doctor", "--json"]).stdout)
    (mine,) = (each for each in found["findings"] if each["subject"] == "privileges")
    assert (mine["state"], mine["finding"]) == ("ok", f"user {UID} with CAP_BPF and CAP_PERFMON")


def test_this_process_has_them_still() -> None:
    """Giving up is for a process of its own: a notebook that imports iotrace stays as it was."""
    assert held().permitted >> Capability.SYS_ADMIN & 1
