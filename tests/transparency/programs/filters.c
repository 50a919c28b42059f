/* seccomp(2), ptrace(2): a target that filters its calls, or traces its own child. */
#include "seen.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>

/* Give `action` as the fate of call `number`. */
static int restrict_call(int number, unsigned action, int flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};

    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void trapped(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen("%d: code %d call %s", number, info->si_code, info->si_syscall == SYS_socket ? "socket" : "another");
}

PROGRAM(filters_of_its_own)
{
    result("seccomp", restrict_call(SYS_socket, SECCOMP_RET_ERRNO | ENOTTY, 0));
    result("socket", socket(AF_INET, SOCK_STREAM, 0));
    result("seccomp", restrict_call(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0));
    result("getppid", syscall(SYS_getppid));
    result("seccomp", restrict_call(SYS_accept, SECCOMP_RET_ERRNO | 0, 0));
    result("accept", accept(0, 0, 0));
    seen("no_new_privs %d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

PROGRAM(filters_that_trap)
{
    handle(SIGSYS, trapped, 0);
    result("seccomp", restrict_call(SYS_socket, SECCOMP_RET_TRAP, 0));
    socket(AF_INET, SOCK_STREAM, 0);
    seen("handled");
}

PROGRAM(filters_that_kill)
{
    unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_LOG};

    for (int i = 0; i < 3; i++) {
        int status;
        if (fork() == 0) {
            restrict_call(SYS_socket, actions[i], 0);
            _exit(socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 5 : 6);
        }
        wait(&status);
        seen("action %d: signal %d, exit %d", i, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
             WIFEXITED(status) ? WEXITSTATUS(status) : 0);
    }
}

/* seccomp(2): "If there is no tracer present, the system call is not executed and returns ENOSYS." */
PROGRAM(filters_that_call_for_a_tracer)
{
    result("seccomp", restrict_call(SYS_socket, SECCOMP_RET_TRACE | 23, 0));
    result("socket", socket(AF_INET, SOCK_STREAM, 0));
    result("seccomp", restrict_call(SYS_getppid, SECCOMP_RET_TRACE | 0, 0));
    result("getppid", syscall(SYS_getppid));
    result("pipe", pipe((int[2]){0}));
}

static void *answer(void *listener)
{
    struct seccomp_notif request;
    struct seccomp_notif_resp response = {0};

    memset(&request, 0, sizeof(request));
    if (ioctl(*(int *)listener, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0) {
        seen("asked about call %s", request.data.nr == SYS_socket ? "socket" : "another");
        response.id = request.id;
        response.error = -EPROTO;
        ioctl(*(int *)listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
    }
    return 0;
}

PROGRAM(filters_that_ask)
{
    pthread_t thread;
    int listener = restrict_call(SYS_socket, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);

    seen("listener %d", listener >= 0);
    pthread_create(&thread, 0, answer, &listener);
    result("socket", socket(AF_INET, SOCK_STREAM, 0));
    pthread_join(thread, 0);
}

/* Strict mode cannot follow a filter, and a filter is how a tracer spares the calls that it does not want. */
PROGRAM(strict_mode)
{
    int status;

    if (fork() == 0) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
            syscall(SYS_exit, 7);
        (void)!write(1, "strict\n", 7);
        syscall(SYS_getpid);
        syscall(SYS_exit, 8);
    }
    wait(&status);
    ending("strict", status);
}

/* A process has one tracer. */
PROGRAM(traces_its_own_child)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0)
            _exit(errno == EPERM ? 11 : 12);
        raise(SIGSTOP);
        _exit(13);
    }
    waitpid(child, &status, 0);
    ending("child", status);
    if (WIFSTOPPED(status)) {
        result("PTRACE_CONT", ptrace(PTRACE_CONT, child, 0, 0));
        waitpid(child, &status, 0);
        ending("child", status);
    }
}

PROGRAM(sees_a_tracer)
{
    char text[4096] = "", *line;
    int fd = open("/proc/self/status", O_RDONLY);

    (void)!read(fd, text, sizeof(text) - 1);
    line = strstr(text, "TracerPid:");
    seen("traced %d, seccomp %ld", line && atoi(line + 10) != 0, (long)prctl(PR_GET_SECCOMP));
}
