"""Ten thousand processes, two thousand threads, a pid that comes again: every call of each is there, once."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from iotrace.analysis.calls import code
from iotrace.columns import Events
from iotrace.recording.reading import read
from probes.events import Kind
from tests.command import COMMAND, ending, environment
from tests.live import require

PROCESSES, THREADS, LIVES = 10_007, 2_003, 23
LIMIT_S = 120

PROGRAM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int go[2], there[2];

/* Each makes one call that nothing else makes: its length tells which. */
static void sign(int number) { (void)!pwrite(-1, 0, 1000 + number, 0); }

static void *thread(void *number)
{
    char byte;

    (void)!write(there[1], "x", 1);
    (void)!read(go[0], &byte, 1);
    sign((long)number);
    return 0;
}

int main(int argc, char **argv)
{
    int count = atoi(argv[2]), failed = 0, status;

    if (strcmp(argv[1], "processes") == 0) {
        for (int i = 0; i < count; i++) {
            if (vfork() == 0) {
                sign(i);
                _exit(i % 7);
            }
            wait(&status);
            failed += !WIFEXITED(status) || WEXITSTATUS(status) != i % 7;
        }
    } else if (strcmp(argv[1], "threads") == 0) {
        pthread_t *made = calloc(count, sizeof(*made));
        pthread_attr_t small;
        char byte;

        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 1 << 16);
        if (pipe(go) || pipe(there))
            return 9;
        for (long i = 0; i < count; i++)
            failed += pthread_create(&made[i], &small, thread, (void *)i) != 0;
        for (int i = 0; i < count - failed; i++)
            (void)!read(there[0], &byte, 1);
        for (int i = 0; i < count - failed; i++)
            (void)!write(go[1], "x", 1);
        for (int i = 0; i < count; i++)
            pthread_join(made[i], 0);
    } else {
        int first = 0;

        for (int i = 0; i < count; i++) {
            int last = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
            char text[32];
            pid_t child;

            if (last < 0)
                return 8;
            if (first)
                (void)!write(last, text, sprintf(text, "%d", first - 1));
            close(last);
            child = fork();
            if (child == 0) {
                sign(i);
                _exit(0);
            }
            waitpid(child, 0, 0);
            if (!first)
                first = child;
            failed += child != first;
        }
        printf("%d\n", first);
    }
    return failed ? 7 : 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        if os.environ.get("IOTRACE_REQUIRE_PROBES") == "1":
            pytest.fail("a C compiler is required here")
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("crowds")
    (folder / "crowds.c").write_text(PROGRAM)
    subprocess.run(
        [compiler, "-O1", "-w", "-o", folder / "crowds", folder / "crowds.c", "-lpthread"], check=True
    )
    return folder / "crowds"


@pytest.fixture(params=["bpf", "ptrace"])
def probe(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    require(name)
    return name


def recorded(folder: Path, probe: str, *words: object) -> tuple[Events, subprocess.CompletedProcess[str]]:
    path = folder / "crowd.iotrace"
    done = subprocess.run(
        [*COMMAND, "run", "--probe", probe, "-o", path, "--", *map(str, words)],
        cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    events = read(path)
    assert ending(events)["lost"] == 0
    return events, done


def signed(events: Events) -> Counter[int]:
    """Count the calls by which each signed, by its number."""
    mine = (events["kind"] == Kind.CALL) & (events["code"] == code("pwrite64")) & (events["fd"] == -1)
    return Counter((events["a"][mine] - 1000).tolist())


def test_ten_thousand_short_lives(tmp_path: Path, probe: str, program: Path) -> None:
    events, done = recorded(tmp_path, probe, program, "processes", PROCESSES)
    assert done.returncode == 0, done.stderr
    assert signed(events) == dict.fromkeys(range(PROCESSES), 1)
    assert np.count_nonzero(events["kind"] == Kind.TASK_NEW) == PROCESSES
    ends = events["kind"] == Kind.TASK_EXIT
    assert np.count_nonzero(ends) == PROCESSES + 1
    statuses = Counter((events["ret"][ends] >> 8).tolist())
    assert statuses[6] == sum(number % 7 == 6 for number in range(PROCESSES))


def test_two_thousand_threads_at_once(tmp_path: Path, probe: str, program: Path) -> None:
    events, done = recorded(tmp_path, probe, program, "threads", THREADS)
    assert done.returncode == 0, done.stderr
    assert signed(events) == dict.fromkeys(range(THREADS), 1)
    mine = (events["kind"] == Kind.CALL) & (events["code"] == code("pwrite64")) & (events["fd"] == -1)
    assert len(set(events["tid"][mine].tolist())) == THREADS
    assert len(set(events["tgid"][mine].tolist())) == 1


def test_a_pid_that_comes_again_is_another_process(tmp_path: Path, probe: str, program: Path) -> None:
    events, done = recorded(tmp_path, probe, program, "again", LIVES)
    if done.returncode == 8:
        pytest.skip("/proc/sys/kernel/ns_last_pid cannot be written here")
    if done.returncode == 7:
        pytest.skip("another process took the pid")
    pid = int(done.stdout.splitlines()[0])
    assert signed(events) == dict.fromkeys(range(LIVES), 1)
    mine = (events["kind"] == Kind.CALL) & (events["code"] == code("pwrite64")) & (events["fd"] == -1)
    assert set(events["tid"][mine].tolist()) == {pid}
    for kind in (Kind.TASK_NEW, Kind.TASK_EXIT):
        assert np.count_nonzero((events["kind"] == kind) & (events["tid"] == pid)) == LIVES
