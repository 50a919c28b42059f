/* fork(2), clone(2), _exit(2), prctl(2), pthreads(7), pidfd_open(2): tasks come and go. */
#include "seen.h"
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>

static int in_clone(void *shared_word)
{
    *(volatile int *)shared_word = 23;
    return 11;
}

PROGRAM(clones)
{
    static char stack[1 << 16] __attribute__((aligned(16)));
    volatile int word = 0;
    int status, fd = -1;
    pid_t child, parent_tid = 0;
    struct clone_args arguments = {
        .flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
        .pidfd = (uint64_t)(uintptr_t)&fd,
        .parent_tid = (uint64_t)(uintptr_t)&parent_tid,
        .exit_signal = SIGUSR1,
    };

    child = clone(in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, (void *)&word);
    waitpid(child, &status, 0);
    ending("clone that shares memory", status);
    seen("word %d", word);
    handle(SIGUSR1, count, 0);
    child = syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (child == 0) {
        milliseconds(5);
        _exit(13);
    }
    seen("clone3: parent_tid %d, pidfd %d", parent_tid == child, fd >= 0);
    result("poll before", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0));
    until(&caught[SIGUSR1], 1);
    result("poll after", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 1000));
    result("waitpid without __WALL", waitpid(child, &status, WNOHANG));
    seen("with __WCLONE %d", waitpid(child, &status, __WCLONE) == child);
    ending("clone3", status);
    child = clone(in_clone, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS, (void *)&word);
    seen("no signal at its end: %d", waitpid(child, &status, __WALL) == child);
    ending("clone without a signal", status);
    arguments.exit_signal = 0;
    arguments.flags = 1ull << 63;
    result("clone3 of an unknown flag", syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

/* CLONE_PARENT: the child is its grandparent's. */
PROGRAM(a_sibling_by_clone_parent)
{
    static char stack[1 << 16] __attribute__((aligned(16)));
    int status, word;
    pid_t child = fork(), sibling;

    if (child == 0) {
        clone(in_clone, stack + sizeof(stack), CLONE_PARENT | SIGCHLD, &word);
        _exit(2);
    }
    waitpid(child, &status, 0);
    ending("child", status);
    sibling = waitpid(-1, &status, 0);
    seen("a sibling too: %d", sibling > 0 && sibling != child);
    ending("sibling", status);
}

PROGRAM(orphans_and_the_subreaper)
{
    volatile int *word = shared();
    int status, count_ = 0;
    pid_t child, orphan, me = getpid();

    need(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "prctl");
    child = fork();
    if (child == 0) {
        if (fork() == 0) {
            while (getppid() != me)
                milliseconds(1);
            seen("adopted by the subreaper");
            word[0] = 1;
            _exit(19);
        }
        _exit(2);
    }
    waitpid(child, &status, 0);
    ending("child", status);
    until(word, 1);
    orphan = waitpid(-1, &status, 0);
    seen("an orphan %d", orphan > 0 && orphan != child);
    ending("orphan", status);
    child = fork();
    if (child == 0) { /* a daemon: setsid, fork again */
        setsid();
        for (int i = 0; i < 5; i++)
            if (fork() == 0) {
                milliseconds(5);
                _exit(30 + i);
            }
        _exit(0);
    }
    for (int sum = 0; (orphan = waitpid(-1, &status, 0)) > 0; count_++) {
        sum += WEXITSTATUS(status);
        if (count_ == 5)
            seen("six ended, statuses sum to %d", sum);
    }
    result("nobody is left", orphan);
}

PROGRAM(death_signal_of_a_parent)
{
    volatile int *word = shared();
    int status;
    pid_t child;

    prctl(PR_SET_CHILD_SUBREAPER, 1);
    child = fork();
    if (child == 0) {
        if (fork() == 0) {
            handle(SIGUSR1, count, 0);
            prctl(PR_SET_PDEATHSIG, SIGUSR1);
            word[0] = 1;
            until(&caught[SIGUSR1], 1);
            seen("told of the parent's death");
            _exit(0);
        }
        until(word, 1);
        _exit(0);
    }
    while (waitpid(-1, &status, 0) > 0)
        ending("one", status);
}

static void *add(void *sum)
{
    __atomic_add_fetch((int *)sum, 1, __ATOMIC_SEQ_CST);
    return sum;
}

PROGRAM(threads_come_and_go)
{
    pthread_t threads[61];
    int sum = 0;
    void *value;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 61; i++)
            need(pthread_create(&threads[i], 0, add, &sum) == 0, "pthread_create");
        for (int i = 0; i < 61; i++)
            pthread_join(threads[i], &value);
    }
    seen("sum %d", sum);
}

static void *outlive(void *ignored)
{
    (void)ignored;
    milliseconds(30);
    seen("the leader left, the thread goes on: leader %d", getpid() == gettid());
    exit(29);
}

PROGRAM(the_leader_leaves_first)
{
    int status;
    pthread_t thread;
    pid_t child = fork();

    if (child == 0) {
        pthread_create(&thread, 0, outlive, 0);
        pthread_exit(0);
    }
    milliseconds(10);
    result("not yet", waitpid(child, &status, WNOHANG));
    waitpid(child, &status, 0);
    ending("child", status);
}

static void *leave(void *how)
{
    until_asleep(getpid());
    if ((long)how == 0)
        _exit(41);
    if ((long)how == 1)
        abort();
    kill(getpid(), SIGKILL);
    return 0;
}

PROGRAM(a_thread_ends_the_process)
{
    int status;
    pthread_t thread;

    for (long how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            for (int i = 0; i < 5; i++)
                pthread_create(&thread, 0, sleep_on, 0);
            pthread_create(&thread, 0, leave, (void *)how);
            pause();
        }
        waitpid(child, &status, 0);
        ending("child", status);
    }
}

/* A dead thread's robust mutex is handed on, and its clear_child_tid word is zeroed and woken. */
static pthread_mutex_t *mutex;
static void *die_with_it(void *ignored)
{
    (void)ignored;
    pthread_mutex_lock(mutex);
    return 0;
}

PROGRAM(robust_mutexes)
{
    pthread_mutexattr_t attributes;
    pthread_t thread;
    pid_t child;

    mutex = (pthread_mutex_t *)shared();
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attributes);
    pthread_create(&thread, 0, die_with_it, 0);
    pthread_join(thread, 0);
    seen("lock: %s", strerrorname_np(pthread_mutex_lock(mutex)));
    pthread_mutex_consistent(mutex);
    pthread_mutex_unlock(mutex);
    child = fork();
    if (child == 0) {
        pthread_mutex_lock(mutex);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, 0, 0);
    seen("lock: %s", strerrorname_np(pthread_mutex_lock(mutex)));
}

PROGRAM(process_descriptors)
{
    siginfo_t info;
    pid_t child = fork();
    int fd;

    if (child == 0)
        for (;;)
            pause();
    fd = pidfd_open(child, 0);
    result("poll", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0));
    result("pidfd_send_signal", pidfd_send_signal(fd, SIGTERM, 0, 0));
    result("poll", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 5000));
    result("waitid", waitid(P_PIDFD, fd, &info, WEXITED));
    seen("code %d status %d", info.si_code, info.si_status);
    result("pidfd_send_signal", pidfd_send_signal(fd, SIGTERM, 0, 0));
}

PROGRAM(names_and_files_of_its_own)
{
    char text[256] = "", name[16];
    int fd;

    prctl(PR_SET_NAME, "renamed \033[31m");
    prctl(PR_GET_NAME, name);
    seen("name has %zu bytes", strlen(name));
    fd = open("/proc/self/comm", O_RDONLY);
    result("comm", read(fd, text, sizeof(text)));
    result("dumpable", prctl(PR_GET_DUMPABLE));
    result("keep capabilities", prctl(PR_GET_KEEPCAPS));
    result("death signal", ({ int number = -1; prctl(PR_GET_PDEATHSIG, &number); number; }));
    result("parent's group is a session's", getsid(0) > 0);
    result("timer slack", prctl(PR_GET_TIMERSLACK));
    seen("self is the file: %d", readlink("/proc/self/exe", text, sizeof(text) - 1) > 0 && !strncmp(text, self, strlen(self)));
}

/* Many processes at once, in three generations. */
PROGRAM(a_family)
{
    int sum = 0, status;

    for (int i = 0; i < 13; i++)
        if (fork() == 0) {
            int own = 0;
            for (int j = 0; j < 5; j++)
                if (fork() == 0)
                    _exit(j);
            while (wait(&status) > 0)
                own += WEXITSTATUS(status);
            _exit(own);
        }
    while (wait(&status) > 0)
        sum += WEXITSTATUS(status);
    seen("sum %d", sum);
}
