/* open(2), fcntl(2), dup(2), pipe(7), unix(7), socket(7), flock(2), execve(2): what descriptors do. */
#include "seen.h"
#include <dirent.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/un.h>

/* Say which descriptors are open and what they are, in their order. */
PROGRAM(says_what_is_open)
{
    for (int fd = 0; fd < 1000; fd++) {
        char path[64], what[128] = "";

        if (fcntl(fd, F_GETFD) < 0)
            continue;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        (void)!readlink(path, what, sizeof(what) - 1);
        what[strcspn(what, ":[")] = 0;
        seen("%d %s, flags %#x", fd, what, fcntl(fd, F_GETFL));
    }
}

PROGRAM(close_on_exec)
{
    int pipes[2];

    for (int i = 0; i < 5; i++)
        need(pipe2(pipes, i % 2 ? O_CLOEXEC : 0) == 0, "pipe2");
    open("/dev/null", O_RDWR | O_CLOEXEC);
    open("/dev/null", O_RDWR);
    socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    eventfd(0, EFD_CLOEXEC);
    fcntl(epoll_create1(EPOLL_CLOEXEC), F_SETFD, 0);
    dup3(1, 40, O_CLOEXEC);
    dup2(0, 41);
    execl(self, self, "says_what_is_open", (char *)0);
}

PROGRAM(the_lowest_descriptor)
{
    int first = open("/dev/null", O_RDONLY), second = open("/dev/null", O_RDONLY), third;

    close(first);
    third = open("/dev/null", O_RDONLY);
    seen("reused %d, next %d, duplicate %d", third == first, second == first + 1, dup(0) == second + 1);
    result("closed twice", (close(third), close(third)));
    result("read of it", read(third, &first, 1));
    result("dup2 of it", dup2(third, 50));
    result("dup2 on itself", dup2(second, second) == second);
}

PROGRAM(no_descriptor_left)
{
    struct rlimit limit = {16, 16};
    int fd, ends[2], last = -1;

    setrlimit(RLIMIT_NOFILE, &limit);
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        last = fd;
    result("open", fd);
    seen("the last was %d", last);
    result("pipe", pipe(ends));
    result("socket", socket(AF_INET, SOCK_STREAM, 0));
    result("accept", accept(0, 0, 0));
}

PROGRAM(standard_streams)
{
    char byte;
    struct stat status;

    result("the input ends", read(0, &byte, 1));
    result("again", read(0, &byte, 1));
    fstat(1, &status);
    seen("output is a pipe %d", S_ISFIFO(status.st_mode));
    close(0);
    seen("the next is %d", open("/dev/null", O_RDONLY));
    if (fork() == 0) {
        close(1);
        _exit(write(1, "x", 1) == -1 && errno == EBADF ? 23 : 24);
    }
    int how;
    wait(&how);
    ending("output closed", how);
}

PROGRAM(a_broken_pipe)
{
    int pipes[2], status, pairs[2];

    need(pipe(pipes) == 0, "pipe");
    close(pipes[0]);
    if (fork() == 0) {
        (void)!write(pipes[1], "x", 1);
        _exit(1);
    }
    wait(&status);
    ending("default", status);
    handle(SIGPIPE, count, 0);
    result("write", write(pipes[1], "x", 1));
    seen("handled %d", caught[SIGPIPE]);
    signal(SIGPIPE, SIG_IGN);
    result("write", write(pipes[1], "x", 1));
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs) == 0, "socketpair");
    close(pairs[0]);
    signal(SIGPIPE, SIG_DFL);
    result("send, MSG_NOSIGNAL", send(pairs[1], "x", 1, MSG_NOSIGNAL));
    result("recv", recv(pairs[1], &status, 1, 0));
    fflush(stdout);
    write(pairs[1], "x", 1);
    seen("not reached");
}

/* Each end of the other side shows at once, whoever holds a copy for a moment. */
PROGRAM(ends_show_at_once)
{
    int right = 0, rounds = 101;
    char byte;

    for (int i = 0; i < rounds; i++) {
        int pipes[2], pairs[2];
        need(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pairs) == 0, "pipe");
        fcntl(pipes[0], F_SETFL, O_NONBLOCK);
        right += read(pipes[0], &byte, 1) == -1 && errno == EAGAIN;
        close(pipes[1]);
        right += read(pipes[0], &byte, 1) == 0;
        right += recv(pairs[0], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
        close(pairs[1]);
        right += recv(pairs[0], &byte, 1, MSG_DONTWAIT) == 0;
        close(pipes[0]);
        close(pairs[0]);
    }
    seen("%d of %d", right, 4 * rounds);
}

PROGRAM(locks)
{
    char name[] = "/tmp/iotrace-transparency-XXXXXX";
    int first = mkstemp(name), second = open(name, O_RDWR), status;
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    need(first >= 0 && second >= 0, "mkstemp");
    unlink(name);
    result("flock", flock(first, LOCK_EX));
    result("flock of the other", flock(second, LOCK_EX | LOCK_NB));
    close(first);
    result("after close", flock(second, LOCK_EX | LOCK_NB));
    result("F_OFD_SETLK", fcntl(second, F_OFD_SETLK, &range));
    if (fork() == 0) {
        range.l_pid = 0;
        result("F_SETLK of a child", fcntl(second, F_SETLK, &range));
        result("F_GETLK", fcntl(second, F_GETLK, &range));
        seen("held by %d", range.l_pid);
        _exit(0);
    }
    wait(&status);
    ending("child", status);
}

PROGRAM(descriptors_by_message)
{
    int pairs[2], pipes[2], status;
    char byte = 'x', space[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof(space)};
    struct ucred who;
    socklen_t size = sizeof(who);

    need(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pairs) == 0 && pipe(pipes) == 0, "socketpair");
    if (fork() == 0) {
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &pipes[1], sizeof(int));
        result("sendmsg", sendmsg(pairs[1], &message, 0));
        _exit(0);
    }
    close(pipes[1]);
    result("recvmsg", recvmsg(pairs[0], &message, 0));
    memcpy(&status, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
    result("write through it", write(status, "hi", 2));
    result("read", read(pipes[0], space, 8));
    close(status);
    wait(&status);
    result("the end", read(pipes[0], space, 8));
    getsockopt(pairs[0], SOL_SOCKET, SO_PEERCRED, &who, &size);
    seen("peer is me: %d", who.pid == getpid());
}

static void on_io(int number, siginfo_t *info, void *context)
{
    caught[number]++;
    seen("SIGIO: code %d fd same %d band %#lx", info->si_code, info->si_fd > 2, info->si_band);
    (void)context;
}

PROGRAM(signal_driven)
{
    int pairs[2];

    need(socketpair(AF_UNIX, SOCK_DGRAM, 0, pairs) == 0, "socketpair");
    handle(SIGRTMIN + 2, on_io, 0);
    fcntl(pairs[0], F_SETSIG, SIGRTMIN + 2);
    fcntl(pairs[0], F_SETOWN, getpid());
    fcntl(pairs[0], F_SETFL, O_ASYNC | O_NONBLOCK);
    for (int i = 0; i < 3; i++)
        result("send", send(pairs[1], "x", 1, 0));
    seen("%d caught", caught[SIGRTMIN + 2]);
    result("owner", fcntl(pairs[0], F_GETOWN) == getpid());
}

static void *volatile bad = (void *)16; /* an address that is nobody's, and that the compiler does not see through */

PROGRAM(bad_arguments)
{
    char byte;

    result("read from nowhere", read(-1, &byte, 1));
    result("read to a bad address", read(open("/proc/self/exe", O_RDONLY), bad, 1));
    result("poll of a bad address", poll(bad, 1, 0));
    result("select of a bad address", select(1, bad, 0, 0, 0));
    result("epoll_wait of no epoll", epoll_wait(0, bad, 1, 0));
    result("epoll_ctl", epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, 0, bad));
    result("accept of no socket", accept(0, 0, 0));
    result("recvmsg of a bad address", recvmsg(socket(AF_INET, SOCK_DGRAM, 0), bad, MSG_DONTWAIT));
    result("connect", connect(socket(AF_INET, SOCK_STREAM, 0), bad, 16));
    result("bind", bind(socket(AF_UNIX, SOCK_STREAM, 0), bad, 200));
    result("readv of too many", syscall(SYS_readv, 0, bad, 100000));
    result("nanosleep", syscall(SYS_nanosleep, bad, 0));
    result("futex", syscall(SYS_futex, (char *)bad + 1, 0, 0, 0));
    result("wait4 of nobody", syscall(SYS_wait4, 99999999, 0, 0, 0));
    result("no such call", syscall(9999));
    result("minus one", syscall(-1));
    result("a negative call", syscall(-23));
}

/* A connection from end to end, its two sides in two threads. */
static void *server(void *listener)
{
    char bytes[4096];
    long got, sum = 0;
    int fd = accept(*(int *)listener, 0, 0);

    while ((got = read(fd, bytes, sizeof(bytes))) > 0)
        sum += got;
    result("last read", got);
    seen("%ld bytes", sum);
    (void)!write(fd, "done", 4);
    close(fd);
    return 0;
}

PROGRAM(a_connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    static char bytes[100003];
    pthread_t thread;
    long sent = 0;

    bind(listener, (struct sockaddr *)&address, size);
    listen(listener, 5);
    getsockname(listener, (struct sockaddr *)&address, &size);
    pthread_create(&thread, 0, server, &listener);
    result("connect", connect(client, (struct sockaddr *)&address, size));
    for (int i = 0; i < 7; i++)
        sent += send(client, bytes, sizeof(bytes), 0);
    shutdown(client, SHUT_WR);
    result("answer", recv(client, bytes, sizeof(bytes), MSG_WAITALL));
    pthread_join(thread, 0);
    seen("sent %ld", sent);
    close(listener);
    close(client);
    client = socket(AF_INET, SOCK_STREAM, 0);
    result("connect to nobody", connect(client, (struct sockaddr *)&address, size));
}
