/*
 * signal(7), "Interruption of system calls and library functions by signal handlers": a signal while each
 * blocking call sleeps, with SA_RESTART and without; and SIGSTOP with SIGCONT, which need no handler.
 */
#include "seen.h"
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/timerfd.h>

static int pipes[2], pairs[2], listener, watcher, event, locked, semaphore, queue;
static volatile int *word; /* the futex, and what a child waits for */
static const int long_ms = 60;

static void fill(int fd)
{
    static char bytes[4096];

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, bytes, sizeof(bytes)) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

static long in_read(void) { char b; return read(pipes[0], &b, 1); }
static long in_recv(void) { char b; return recv(pairs[0], &b, 1, 0); }
static long in_recvmsg(void)
{
    char b;
    struct iovec part = {&b, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return recvmsg(pairs[0], &message, 0);
}
static long in_recv_with_timeout(void)
{
    struct timeval limit = {5, 0};
    char b;

    setsockopt(pairs[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return recv(pairs[0], &b, 1, 0);
}
static long in_write(void)
{
    long written;

    fill(pipes[1]);
    written = write(pipes[1], "x", 1);
    return written;
}
static long in_send(void) { fill(pairs[1]); return send(pairs[1], "x", 1, 0); }
static long in_accept(void) { int fd = accept(listener, 0, 0); return fd < 0 ? -1 : 0; }
static long in_select(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    return select(pipes[0] + 1, &set, 0, 0, 0);
}
/* A mask of its own, in which SIGUSR2, by which all are released, is blocked as before. */
static sigset_t mask(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return set;
}
static long in_pselect(void)
{
    fd_set set;
    sigset_t own = mask();

    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    return pselect(pipes[0] + 1, &set, 0, 0, &(struct timespec){5, 0}, &own);
}
static long in_poll(void) { return poll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, -1); }
static long in_poll_with_timeout(void) { return poll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, 5000); }
static long in_ppoll(void) { return ppoll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, &(struct timespec){5, 0}, 0); }
static long in_epoll(void) { struct epoll_event e; return epoll_wait(watcher, &e, 1, -1); }
static long in_epoll_pwait(void)
{
    struct epoll_event e;
    sigset_t own = mask();

    return epoll_pwait(watcher, &e, 1, 5000, &own);
}
static long in_nanosleep(void) { return nanosleep(&(struct timespec){0, long_ms * 1000000L}, 0); }
static long in_clock_nanosleep(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += long_ms * 1000000L;
    at.tv_sec += at.tv_nsec / 1000000000L;
    at.tv_nsec %= 1000000000L;
    errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, 0);
    return errno ? -1 : 0;
}
static long in_futex(void) { return syscall(SYS_futex, word, FUTEX_WAIT, 0, 0, 0, 0); }
static long in_futex_with_timeout(void)
{
    return syscall(SYS_futex, word, FUTEX_WAIT, 0, &(struct timespec){5, 0}, 0, 0);
}
static long in_eventfd(void) { uint64_t value; return read(event, &value, 8); }
static long in_flock(void) { return flock(locked, LOCK_EX); }
static long in_semop(void) { return semop(semaphore, &(struct sembuf){0, -1, 0}, 1); }
static long in_msgrcv(void) { struct { long kind; char text[8]; } m; return msgrcv(queue, &m, 8, 0, 0); }
static long in_sigtimedwait(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    return sigtimedwait(&set, 0, &(struct timespec){5, 0});
}
static long in_wait(void)
{
    pid_t child = fork();

    if (child == 0) {
        until(word, 1);
        _exit(0);
    }
    return waitpid(child, 0, 0) == child ? 0 : -1;
}

static const struct call {
    const char *name;
    long (*run)(void);
} calls[] = {
    {"read", in_read},
    {"recv", in_recv},
    {"recvmsg", in_recvmsg},
    {"recv, SO_RCVTIMEO", in_recv_with_timeout},
    {"write", in_write},
    {"send", in_send},
    {"accept", in_accept},
    {"select", in_select},
    {"pselect", in_pselect},
    {"poll", in_poll},
    {"poll with timeout", in_poll_with_timeout},
    {"ppoll", in_ppoll},
    {"epoll_wait", in_epoll},
    {"epoll_pwait", in_epoll_pwait},
    {"nanosleep", in_nanosleep},
    {"clock_nanosleep until", in_clock_nanosleep},
    {"futex", in_futex},
    {"futex with timeout", in_futex_with_timeout},
    {"eventfd", in_eventfd},
    {"flock", in_flock},
    {"semop", in_semop},
    {"msgrcv", in_msgrcv},
    {"sigtimedwait", in_sigtimedwait},
    {"waitpid", in_wait},
};
enum { CALLS = sizeof(calls) / sizeof(*calls) };

static int other_side;
static struct sockaddr_in address;

static void prepare(void)
{
    socklen_t size = sizeof(address);

    need(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pairs) == 0, "pipe");
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    need(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 5) == 0, "listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    watcher = epoll_create1(0);
    epoll_ctl(watcher, EPOLL_CTL_ADD, pipes[0], &(struct epoll_event){.events = EPOLLIN});
    event = eventfd(0, 0);
    other_side = open("/proc/self/exe", O_RDONLY);
    locked = open("/proc/self/exe", O_RDONLY);
    need(flock(other_side, LOCK_EX) == 0, "flock");
    semaphore = semget(IPC_PRIVATE, 1, 0600);
    queue = msgget(IPC_PRIVATE, 0600);
    word = shared();
}

/* Let whatever call of ours sleeps come to its end. */
static void release(pid_t sleeper)
{
    struct {
        long kind;
        char text[8];
    } message = {1, "x"};
    static char bytes[1 << 20];

    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    (void)!read(pipes[0], bytes, sizeof(bytes));
    (void)!write(pipes[1], "x", 1);
    while (recv(pairs[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    send(pairs[1], "x", 1, MSG_DONTWAIT);
    connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
    (void)!write(event, &(uint64_t){1}, 8);
    flock(other_side, LOCK_UN);
    semop(semaphore, &(struct sembuf){0, 1, 0}, 1);
    msgsnd(queue, &message, 8, 0);
    *word = 1;
    syscall(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0);
    kill(sleeper, SIGUSR2); /* blocked but for sigtimedwait */
}

/* Say what `call` returned after `disturb` was done to it. */
static void try(const struct call *call, void (*disturb)(pid_t), int flags)
{
    pid_t sleeper;
    int asleep = 0, status;

    prepare();
    sleeper = fork();
    if (sleeper == 0) {
        sigset_t usr2;
        long value;

        sigemptyset(&usr2);
        sigaddset(&usr2, SIGUSR2);
        sigprocmask(SIG_BLOCK, &usr2, 0);
        handle(SIGUSR1, count, flags);
        value = call->run();
        seen("%s: %s, %d handled", call->name, value == -1 ? strerrorname_np(errno) : "done", caught[SIGUSR1]);
        _exit(0);
    }
    until_asleep(sleeper);
    disturb(sleeper);
    /* A signal wakes before kill(2) returns: who sleeps from here on has gone to sleep again. */
    while (asleep < 3 && waitpid(sleeper, &status, WNOHANG) == 0) {
        asleep = asleep_now(sleeper) ? asleep + 1 : 0;
        milliseconds(1);
    }
    if (asleep == 3) {
        release(sleeper);
        waitpid(sleeper, &status, 0);
    }
    *word = 1; /* for the child of a waitpid that was not released */
    if (status)
        ending(call->name, status);
    semctl(semaphore, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, 0);
}

static void disturb_each(void (*disturb)(pid_t), int flags)
{
    for (int i = 0; i < CALLS; i++) {
        pid_t one = fork();

        if (one == 0) {
            try(&calls[i], disturb, flags);
            _exit(0);
        }
        waitpid(one, 0, 0);
    }
}

static void by_signal(pid_t sleeper)
{
    kill(sleeper, SIGUSR1);
}

static void by_stop(pid_t sleeper)
{
    int status;

    kill(sleeper, SIGSTOP);
    waitpid(sleeper, &status, WUNTRACED);
    kill(sleeper, SIGCONT);
    waitpid(sleeper, &status, WCONTINUED);
}

PROGRAM(signal_in_each_call)
{
    disturb_each(by_signal, 0);
}

PROGRAM(signal_in_each_call_restarted)
{
    disturb_each(by_signal, SA_RESTART);
}

PROGRAM(stop_in_each_call)
{
    disturb_each(by_stop, 0);
}
