/* tty_ioctl(4), termios(3), pty(7), credentials(7) (sessions and process groups), setpgid(2). */
#include "seen.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master;

/* A child that leads a session on a new terminal; its descriptors 0 and `2` are the terminal. */
static pid_t on_a_terminal(void (*body)(void))
{
    char name[64];
    pid_t child;

    master = posix_openpt(O_RDWR | O_NOCTTY);
    need(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0, "posix_openpt");
    need(ptsname_r(master, name, sizeof(name)) == 0, "ptsname");
    child = fork();
    if (child == 0) {
        int terminal;

        close(master);
        setsid();
        terminal = open(name, O_RDWR); /* becomes the controlling terminal */
        dup2(terminal, 0);
        dup2(terminal, 2);
        if (terminal > 2)
            close(terminal);
        body();
        _exit(0);
    }
    return child;
}

static void type(const char *keys)
{
    need(write(master, keys, strlen(keys)) == (ssize_t)strlen(keys), "write");
}

static volatile int *stage;

static void reads_lines(void)
{
    char line[64];
    struct winsize size;
    int length;

    seen("terminal %d, session %d, foreground %d", isatty(0), getsid(0) == getpid(), tcgetpgrp(0) == getpgrp());
    ioctl(0, TIOCGWINSZ, &size);
    handle(SIGWINCH, count, 0);
    handle(SIGINT, count, 0);
    stage[0] = 1;
    length = read(0, line, sizeof(line));
    result("SIGWINCH ends a read", length);
    ioctl(0, TIOCGWINSZ, &size);
    seen("%d handled, now %dx%d", caught[SIGWINCH], size.ws_col, size.ws_row);
    stage[0] = 2;
    result("SIGINT ends a read", read(0, line, sizeof(line)));
    stage[0] = 3;
    length = read(0, line, sizeof(line));
    seen("a line of %d", length);
    stage[0] = 4;
    result("^D is an end of file", read(0, line, sizeof(line)));
}

PROGRAM(a_terminal_and_its_session)
{
    struct winsize size = {.ws_row = 23, .ws_col = 101};
    int status;
    pid_t child;

    stage = shared();
    child = on_a_terminal(reads_lines);
    until(stage, 1);
    until_asleep(child);
    ioctl(master, TIOCSWINSZ, &size);
    until(stage, 2);
    until_asleep(child);
    type("\003");
    until(stage, 3);
    until_asleep(child);
    type("hello\n");
    until(stage, 4);
    until_asleep(child);
    type("\004");
    waitpid(child, &status, 0);
    ending("session leader", status);
}

static void waits(void)
{
    stage[0] = 1;
    for (;;)
        pause();
}

PROGRAM(keys_that_signal)
{
    const char *keys[] = {"\003", "\034"};
    int status;
    pid_t child;

    stage = shared();
    for (int i = 0; i < 2; i++) {
        stage[0] = 0;
        child = on_a_terminal(waits);
        until(stage, 1);
        until_asleep(child);
        type(keys[i]);
        waitpid(child, &status, 0);
        seen("key %d: killed by %d", keys[i][0], WTERMSIG(status));
        close(master);
    }
}

/* Job control, as a shell does it: a job in the foreground is stopped by ^Z and goes on in the background. */
static void a_shell(void)
{
    char byte;
    int status;
    pid_t job = fork();

    signal(SIGTTOU, SIG_IGN);
    if (job == 0) {
        setpgid(0, 0);
        stage[0] = 1;
        until(stage, 2);
        signal(SIGTTOU, SIG_DFL);
        for (;;)
            pause();
    }
    setpgid(job, job);
    until(stage, 1);
    result("tcsetpgrp", tcsetpgrp(0, job));
    seen("the job has the terminal: %d", tcgetpgrp(0) == job);
    stage[0] = 2;
    until_asleep(job);
    stage[0] = 3;
    waitpid(job, &status, WUNTRACED);
    ending("job", status);
    tcsetpgrp(0, getpgrp());
    kill(-job, SIGCONT);
    waitpid(job, &status, WCONTINUED);
    ending("job", status);
    kill(-job, SIGTERM);
    waitpid(job, &status, 0);
    ending("job", status);

    job = fork(); /* reads from the background: SIGTTIN */
    if (job == 0) {
        setpgid(0, 0);
        result("read", read(0, &byte, 1));
        _exit(3);
    }
    setpgid(job, job);
    waitpid(job, &status, WUNTRACED);
    ending("background read", status);
    tcsetpgrp(0, job);
    kill(-job, SIGCONT);
    stage[0] = 4;
    waitpid(job, &status, 0);
    ending("in the foreground", status);
    tcsetpgrp(0, getpgrp());

    job = fork(); /* takes the terminal from the background: SIGTTOU */
    if (job == 0) {
        signal(SIGTTOU, SIG_DFL);
        setpgid(0, 0);
        tcsetpgrp(0, getpgrp());
        _exit(5);
    }
    setpgid(job, job);
    waitpid(job, &status, WUNTRACED);
    ending("background tcsetpgrp", status);
    kill(-job, SIGKILL);
    waitpid(job, &status, 0);

    job = fork(); /* with SIGTTIN ignored a read fails */
    if (job == 0) {
        signal(SIGTTIN, SIG_IGN);
        setpgid(0, 0);
        while (tcgetpgrp(0) == getpgrp())
            milliseconds(1);
        result("read, SIGTTIN ignored", read(0, &byte, 1));
        _exit(7);
    }
    setpgid(job, job);
    waitpid(job, &status, WUNTRACED);
    ending("ignores", status);
    stage[0] = 5;
}

PROGRAM(job_control)
{
    int status;
    pid_t child;

    stage = shared();
    child = on_a_terminal(a_shell);
    until(stage, 3);
    type("\032");
    until(stage, 4);
    type("x\n");
    waitpid(child, &status, 0);
    ending("shell", status);
    seen("stage %d", stage[0]);
}

static void told_of_hang_up(void)
{
    char byte;

    handle(SIGHUP, count, 0);
    handle(SIGCONT, count, 0);
    stage[0] = 1;
    result("read", read(0, &byte, 1));
    until(&caught[SIGHUP], 1);
    seen("HUP %d CONT %d", caught[SIGHUP], caught[SIGCONT]);
    result("read", read(0, &byte, 1));
    result("write", write(2, "x", 1));
    seen("open /dev/tty: %s", open("/dev/tty", O_RDWR) < 0 ? strerrorname_np(errno) : "works");
}

PROGRAM(hang_up)
{
    int status;
    pid_t child;

    stage = shared();
    child = on_a_terminal(told_of_hang_up);
    until(stage, 1);
    until_asleep(child);
    close(master);
    waitpid(child, &status, 0);
    ending("session leader", status);
}

static void leaves_stopped_members(void)
{
    pid_t member = fork();
    int status;

    if (member == 0) {
        setpgid(0, 0);
        handle(SIGHUP, count, 0);
        handle(SIGCONT, count, 0);
        raise(SIGSTOP);
        until(&caught[SIGHUP], 1);
        until(&caught[SIGCONT], 1);
        seen("orphaned while stopped: HUP %d CONT %d", caught[SIGHUP], caught[SIGCONT]);
        stage[1] = 1;
        _exit(0);
    }
    waitpid(member, &status, WUNTRACED);
    ending("member", status);
}

/* POSIX: a group that becomes orphaned with a stopped member is sent SIGHUP and SIGCONT. */
PROGRAM(an_orphaned_group)
{
    int status;
    pid_t child;

    stage = shared();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child = on_a_terminal(leaves_stopped_members);
    waitpid(child, &status, 0);
    ending("leader", status);
    until(&stage[1], 1);
    while (waitpid(-1, &status, 0) > 0)
        ending("orphan", status);
}

static void raw_mode(void)
{
    struct termios settings;
    char bytes[8];

    tcgetattr(0, &settings);
    cfmakeraw(&settings);
    settings.c_cc[VMIN] = 3;
    result("tcsetattr", tcsetattr(0, TCSAFLUSH, &settings));
    stage[0] = 1;
    result("read", read(0, bytes, sizeof(bytes)));
    seen("%d %d %d", bytes[0], bytes[1], bytes[2]);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 1;
    tcsetattr(0, TCSANOW, &settings);
    result("read with VTIME", read(0, bytes, sizeof(bytes)));
}

PROGRAM(raw_terminal)
{
    int status;
    pid_t child;

    stage = shared();
    child = on_a_terminal(raw_mode);
    until(stage, 1);
    type("\003\032x");
    waitpid(child, &status, 0);
    ending("child", status);
}

PROGRAM(sessions_and_groups)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        result("leader may not setsid", setsid() == -1 ? -1 : 0);
        seen("group changed: %d", getpgrp() != getpid());
        seen("new session: %d", setsid() == -1);
        result("setpgid", setpgid(0, getppid()));
        _exit(0);
    }
    waitpid(child, &status, 0);
    result("setsid of a leader", setsid());
    result("getsid of nobody", getsid(99999999));
    result("kill of a group that is not", kill(-99999999, 0));
    seen("no terminal: %s", open("/dev/tty", O_RDWR) < 0 ? strerrorname_np(errno) : "there is one");
}
