/* waitpid(2), waitid(2), signal(7): stopping, continuing, and who is told. */
#include "seen.h"

static pid_t idle_child(void)
{
    pid_t child = fork();

    need(child >= 0, "fork");
    if (child == 0)
        for (;;)
            pause();
    until_asleep(child);
    return child;
}

static void tell_child(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    seen("SIGCHLD: code %d status %d", info->si_code, info->si_status);
}

PROGRAM(stop_and_continue)
{
    int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}, status;
    pid_t child;

    for (int i = 0; i < 4; i++) {
        child = idle_child();
        setpgid(child, getpgrp());
        kill(child, signals[i]);
        if (i) { /* in an orphaned process group these do nothing: signal(7), POSIX */
            result("waitpid", waitpid(child, &status, WUNTRACED | WNOHANG));
            kill(child, SIGKILL);
        } else {
            seen("waitpid: mine %d", waitpid(child, &status, WUNTRACED) == child);
            ending("child", status);
            result("again", waitpid(child, &status, WUNTRACED | WNOHANG));
            kill(child, SIGCONT);
            seen("waitpid: mine %d", waitpid(child, &status, WCONTINUED) == child);
            ending("child", status);
            kill(child, SIGSTOP);
            waitpid(child, &status, WUNTRACED);
            kill(child, SIGKILL); /* a stopped process dies all the same */
        }
        waitpid(child, &status, 0);
        ending("child", status);
    }
}

PROGRAM(what_sigchld_says)
{
    pid_t child;
    int status;
    sigset_t set, before;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    handle(SIGCHLD, tell_child, SA_RESTART);
    child = idle_child();
    sigprocmask(SIG_BLOCK, &set, &before);
    kill(child, SIGSTOP);
    sigsuspend(&before);
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    sigsuspend(&before);
    waitpid(child, &status, WCONTINUED);
    kill(child, SIGTERM);
    sigsuspend(&before);
    waitpid(child, &status, 0);
    ending("child", status);
    handle(SIGCHLD, tell_child, SA_RESTART | SA_NOCLDSTOP);
    sigprocmask(SIG_SETMASK, &before, 0);
    child = idle_child();
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    seen("no SIGCHLD for a stop");
    kill(child, SIGKILL);
    sigprocmask(SIG_BLOCK, &set, &before);
    waitpid(child, &status, 0);
    sigprocmask(SIG_SETMASK, &before, 0);
}

PROGRAM(waitid_and_its_options)
{
    siginfo_t info;
    pid_t child = idle_child();

    kill(child, SIGSTOP);
    for (int i = 0; i < 2; i++) { /* WNOWAIT leaves it to be waited for again */
        result("waitid", waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
        seen("mine %d code %d status %d", info.si_pid == child, info.si_code, info.si_status);
    }
    result("waitid", waitid(P_PID, child, &info, WSTOPPED));
    memset(&info, 0, sizeof(info));
    result("waitid", waitid(P_PID, child, &info, WSTOPPED | WNOHANG));
    seen("nothing: %d", info.si_pid);
    kill(child, SIGCONT);
    result("waitid", waitid(P_PGID, getpgrp(), &info, WCONTINUED));
    seen("code %d status %d", info.si_code, info.si_status);
    kill(child, SIGKILL);
    result("waitid", waitid(P_ALL, 0, &info, WEXITED | WNOWAIT));
    seen("code %d status %d", info.si_code, info.si_status);
    result("waitid", waitid(P_ALL, 0, &info, WEXITED));
    result("waitid", waitid(P_ALL, 0, &info, WEXITED));
}

static volatile int *work;

static void *spin(void *number)
{
    for (;;) {
        work[(long)number]++;
        milliseconds(1);
    }
    return 0;
}

/* All threads of a process stop, and all go on. */
PROGRAM(all_threads_stop)
{
    int before[5], status, moved = 0;
    pid_t child;

    work = shared();
    child = fork();
    if (child == 0) {
        for (long i = 0; i < 5; i++) {
            pthread_t thread;
            pthread_create(&thread, 0, spin, (void *)i);
        }
        for (;;)
            pause();
    }
    for (int i = 0; i < 5; i++)
        until(&work[i], 3);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    ending("five threads", status);
    for (int i = 0; i < 5; i++)
        before[i] = work[i];
    milliseconds(60);
    for (int i = 0; i < 5; i++)
        moved += work[i] != before[i];
    seen("%d moved while stopped", moved);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    ending("five threads", status);
    for (int i = 0; i < 5; i++)
        until(&work[i], before[i] + 3);
    seen("all go on");
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    ending("five threads", status);
}

static void stop_myself(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    seen("handler of %d stops", number);
    raise(SIGSTOP);
    seen("handler of %d goes on", number);
}

PROGRAM(a_handler_that_stops)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        handle(SIGTSTP, stop_myself, 0);
        handle(SIGCONT, count, 0);
        raise(SIGTSTP);
        seen("SIGCONT handled %d", caught[SIGCONT]);
        _exit(5);
    }
    waitpid(child, &status, WUNTRACED);
    ending("child", status);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    ending("child", status);
}

/* SIGCONT throws pending stops away, and a stop pending SIGCONTs; it continues even where it is blocked. */
PROGRAM(stop_and_continue_cancel)
{
    sigset_t set, pending;
    int status;
    pid_t child;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGTSTP);
    sigprocmask(SIG_BLOCK, &set, 0);
    kill(getpid(), SIGTSTP);
    kill(getpid(), SIGCONT);
    sigpending(&pending);
    seen("pending: TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    kill(getpid(), SIGTSTP);
    sigpending(&pending);
    seen("pending: TSTP %d CONT %d", sigismember(&pending, SIGTSTP), sigismember(&pending, SIGCONT));
    child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        sigpending(&pending);
        seen("continued with SIGCONT blocked; pending %d", sigismember(&pending, SIGCONT));
        _exit(3);
    }
    waitpid(child, &status, WUNTRACED);
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    ending("child", status);
}

/* Signals sent to a stopped process wait until it goes on. */
PROGRAM(signals_while_stopped)
{
    int status;
    volatile int *told = shared();
    pid_t child = fork();

    if (child == 0) {
        handle(SIGUSR1, count, 0);
        handle(SIGRTMIN, count, 0);
        *told = 1;
        for (;;) {
            pause();
            told[1] = caught[SIGUSR1];
            told[2] = caught[SIGRTMIN];
        }
    }
    until(told, 1);
    until_asleep(child);
    kill(child, SIGSTOP);
    waitpid(child, &status, WUNTRACED);
    for (int i = 0; i < 5; i++) {
        kill(child, SIGUSR1);
        sigqueue(child, SIGRTMIN, (union sigval){0});
    }
    milliseconds(20);
    seen("handled while stopped: %d", told[1] + told[2]);
    kill(child, SIGCONT);
    until(&told[2], 5);
    until_asleep(child);
    seen("handled then: %d and %d", told[1], told[2]);
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    ending("child", status);
}

/* A child of ours that stops itself many times is seen to stop each time. */
PROGRAM(many_stops)
{
    int stops = 0, status;
    pid_t child = fork();

    if (child == 0) {
        for (int i = 0; i < 23; i++)
            raise(SIGSTOP);
        _exit(7);
    }
    while (waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status)) {
        stops++;
        kill(child, SIGCONT);
    }
    seen("stopped %d times", stops);
    ending("child", status);
}

PROGRAM(nobody_waits)
{
    int status;
    pid_t child;

    signal(SIGCHLD, SIG_IGN); /* children vanish by themselves */
    child = fork();
    if (child == 0)
        _exit(3);
    result("waitpid", waitpid(child, &status, 0));
    signal(SIGCHLD, SIG_DFL);
    handle(SIGCHLD, count, SA_NOCLDWAIT);
    child = fork();
    if (child == 0)
        _exit(3);
    result("waitpid", waitpid(child, &status, 0));
    signal(SIGCHLD, SIG_DFL);
    child = fork();
    if (child == 0)
        _exit(3);
    milliseconds(10);
    seen("a zombie can be signalled: %d", kill(child, SIGTERM));
    waitpid(child, &status, 0);
    ending("child", status);
    result("kill", kill(child, 0));
    result("waitpid", waitpid(-1, &status, WNOHANG));
}
