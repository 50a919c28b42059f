/* _exit(2), abort(3), signal(7), core(5): how processes end. */
#include "seen.h"
#include <sys/resource.h>

PROGRAM(every_exit_code)
{
    int wrong = 0, status;

    for (int code = 0; code < 256; code++) {
        pid_t child = fork();
        if (child == 0)
            _exit(code);
        waitpid(child, &status, 0);
        wrong += !WIFEXITED(status) || WEXITSTATUS(status) != code;
    }
    seen("%d of 256 wrong", wrong);
    if (fork() == 0)
        _exit(256 + 23);
    wait(&status);
    ending("256 + 23", status);
    if (fork() == 0)
        _exit(-1);
    wait(&status);
    ending("-1", status);
}

PROGRAM(death_by_every_signal)
{
    for (int number = 1; number <= 64; number++) {
        int status = 0;
        pid_t child;

        if (number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU)
            continue;
        child = fork();
        if (child == 0) {
            signal(number, SIG_DFL);
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
            syscall(SYS_tgkill, getpid(), gettid(), number);
            _exit(100);
        }
        waitpid(child, &status, 0);
        seen("%d: %#x", number, status);
    }
}

PROGRAM(killed_from_outside)
{
    int numbers[] = {SIGKILL, SIGTERM, SIGSEGV, SIGTRAP, SIGSYS, SIGRTMAX};

    for (int i = 0; i < 6; i++) {
        int status;
        pid_t child = fork();

        if (child == 0)
            for (;;)
                pause();
        until_asleep(child);
        kill(child, numbers[i]);
        waitpid(child, &status, 0);
        seen("%d: signal %d", numbers[i], WTERMSIG(status));
    }
}

/* The flag depends on the core file's being written: where it goes is core_pattern's matter. */
PROGRAM(the_core_flag)
{
    char folder[] = "/tmp/iotrace-core-XXXXXX", command[64];
    int status;

    need(mkdtemp(folder) != 0, "mkdtemp");
    for (int on = 0; on < 2; on++) {
        if (fork() == 0) {
            struct rlimit limit;
            getrlimit(RLIMIT_CORE, &limit);
            limit.rlim_cur = on ? limit.rlim_max : 0;
            setrlimit(RLIMIT_CORE, &limit);
            (void)!chdir(folder);
            signal(SIGABRT, SIG_DFL);
            abort();
        }
        wait(&status);
        ending(on ? "with a core" : "without", status);
    }
    snprintf(command, sizeof(command), "rm -r %s", folder);
    (void)!system(command);
}

static void at_the_end(void)
{
    seen("atexit ran");
}

static void on_abort(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    seen("SIGABRT handled");
}

PROGRAM(abort_and_atexit)
{
    int status;

    if (fork() == 0) {
        handle(SIGABRT, on_abort, 0);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        abort();
    }
    wait(&status);
    ending("abort with a handler", status);
    atexit(at_the_end);
    exit(23);
}

PROGRAM(ends_by_sigkill)
{
    seen("before");
    kill(getpid(), SIGKILL);
    seen("not reached");
}

PROGRAM(ends_by_segv)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    *(volatile int *)16 = 1;
}

PROGRAM(ends_by_a_real_time_signal)
{
    kill(getpid(), SIGRTMIN + 5);
}

PROGRAM(limits_that_kill)
{
    int status;

    if (fork() == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_CPU, &(struct rlimit){0, 2});
        for (;;)
            ;
    }
    wait(&status);
    ending("SIGXCPU", status);
    if (fork() == 0) {
        int file = memfd_create("big", 0);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, 10});
        signal(SIGXFSZ, SIG_IGN);
        result("write", write(file, "0123456789abc", 13));
        result("write", write(file, "x", 1));
        signal(SIGXFSZ, SIG_DFL);
        (void)!write(file, "x", 1);
        _exit(1);
    }
    wait(&status);
    ending("SIGXFSZ", status);
}
