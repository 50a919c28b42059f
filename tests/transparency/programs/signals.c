/* signal(7), sigaction(2), sigqueue(3), sigwaitinfo(2), sigaltstack(2), sigsuspend(2), signalfd(2). */
#include "seen.h"
#include <setjmp.h>
#include <sys/signalfd.h>
#include <ucontext.h>

static void block(int how, ...)
{
    sigset_t set;
    va_list numbers;
    int number;

    sigemptyset(&set);
    va_start(numbers, how);
    while ((number = va_arg(numbers, int)))
        sigaddset(&set, number);
    va_end(numbers);
    sigprocmask(how, &set, 0);
}

static void tell(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen("handler: %d code %d from %s", number, info->si_code, info->si_pid == getpid() ? "me" : "another");
}

static void tell_value(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen("handler: SIGRTMIN+%d value %d", number - SIGRTMIN, info->si_value.sival_int);
}

/* Handlers run one upon another where several signals wait: the last one set up runs first. */
PROGRAM(delivery_order)
{
    int numbers[] = {SIGUSR2, SIGTERM, SIGUSR1, SIGHUP, SIGUSR1};

    block(SIG_BLOCK, SIGUSR1, SIGUSR2, SIGTERM, SIGHUP, 0);
    for (int i = 0; i < 5; i++) {
        handle(numbers[i], tell, 0);
        kill(getpid(), numbers[i]);
    }
    seen("nothing yet");
    block(SIG_UNBLOCK, SIGUSR1, SIGUSR2, SIGTERM, SIGHUP, 0);
    seen("all delivered");
}

PROGRAM(realtime_signals_queue)
{
    sigset_t set;
    siginfo_t info;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    for (int i = 0; i < 23; i++) {
        sigqueue(getpid(), SIGRTMIN + 1 + i % 2, (union sigval){.sival_int = i});
        kill(getpid(), SIGUSR1); /* a standard signal does not queue */
    }
    for (int i = 0; i < 24; i++) {
        int number = sigwaitinfo(&set, &info);
        seen("%d: value %d code %d mine %d", number >= SIGRTMIN ? number - SIGRTMIN : -number,
             number >= SIGRTMIN ? info.si_value.sival_int : 0, info.si_code, info.si_pid == getpid());
    }
    result("sigtimedwait, nothing left", sigtimedwait(&set, &info, &(struct timespec){0, 1000000}));
}

PROGRAM(realtime_handlers)
{
    block(SIG_BLOCK, SIGRTMIN, SIGRTMIN + 3, 0);
    handle(SIGRTMIN, tell_value, 0);
    handle(SIGRTMIN + 3, tell_value, 0);
    for (int i = 0; i < 7; i++) {
        sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = i});
        sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    }
    block(SIG_UNBLOCK, SIGRTMIN, SIGRTMIN + 3, 0);
}

PROGRAM(sigwaitinfo_and_handlers)
{
    sigset_t set;
    siginfo_t info;
    pid_t parent = getpid(), child;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, 0);
    handle(SIGUSR2, count, SA_RESTART);
    child = fork();
    if (child == 0) {
        until_asleep(parent);
        kill(parent, SIGUSR2); /* sigwaitinfo is never restarted */
        until_asleep(parent);
        kill(parent, SIGUSR1);
        _exit(0);
    }
    result("sigwaitinfo", sigwaitinfo(&set, &info));
    seen("handler ran %d", caught[SIGUSR2]);
    result("sigwaitinfo", sigwaitinfo(&set, &info));
    seen("code %d from child %d", info.si_code, info.si_pid == child);
    waitpid(child, 0, 0);
}

static void mask_in_handler(int number, siginfo_t *info, void *context)
{
    sigset_t now;

    (void)info, (void)context;
    sigprocmask(SIG_BLOCK, 0, &now);
    seen("in %d: USR1 %d USR2 %d HUP %d", number, sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2),
         sigismember(&now, SIGHUP));
}

PROGRAM(masks_of_handlers)
{
    struct sigaction action = {.sa_sigaction = mask_in_handler, .sa_flags = SA_SIGINFO}, now;

    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    action.sa_flags |= SA_NODEFER;
    sigaction(SIGUSR1, &action, 0);
    raise(SIGUSR1);
    action.sa_flags |= SA_RESETHAND;
    sigaction(SIGUSR2, &action, 0);
    raise(SIGUSR2);
    sigaction(SIGUSR2, 0, &now);
    seen("reset to default: %d", now.sa_handler == SIG_DFL);
    sigaction(SIGUSR1, 0, &now);
    seen("flags %#x", now.sa_flags & ~0x04000000); /* SA_RESTORER is libc's */
}

static stack_t alternative;
static sigjmp_buf back;

static void on_stack(int number, siginfo_t *info, void *context)
{
    char here;
    stack_t now;

    (void)info;
    sigaltstack(0, &now);
    seen("%d on the alternative stack: %d, flags %d, in uc_stack %d", number,
         &here > (char *)alternative.ss_sp && &here < (char *)alternative.ss_sp + alternative.ss_size,
         now.ss_flags, ((ucontext_t *)context)->uc_stack.ss_sp == alternative.ss_sp);
    if (number == SIGSEGV)
        siglongjmp(back, 1);
}

static int deeper(int depth)
{
    volatile char room[4096];

    room[0] = depth;
    return deeper(depth + 1) + room[0];
}

PROGRAM(alternative_stack)
{
    alternative.ss_size = 1 << 16;
    alternative.ss_sp = malloc(alternative.ss_size);
    need(sigaltstack(&alternative, 0) == 0, "sigaltstack");
    handle(SIGUSR1, on_stack, SA_ONSTACK);
    handle(SIGUSR2, on_stack, 0);
    handle(SIGSEGV, on_stack, SA_ONSTACK);
    raise(SIGUSR1);
    raise(SIGUSR2);
    if (sigsetjmp(back, 1) == 0)
        deeper(0);
    seen("survived the stack's end");
}

static void fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    seen("%d: code %d address %s", number, info->si_code,
         info->si_addr == (void *)16 ? "16" : info->si_addr ? "some" : "none");
    siglongjmp(back, 1);
}

/* A fault's code and address reach the handler. */
PROGRAM(faults)
{
    int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    char *page = mmap(0, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = memfd_create("short", MFD_CLOEXEC);
    char *beyond = mmap(0, 4096, PROT_READ, MAP_SHARED, file, 0);
    volatile int zero = 0, one = 1;

    for (int i = 0; i < 5; i++)
        handle(numbers[i], fault, SA_NODEFER);
    if (sigsetjmp(back, 1) == 0)
        *(volatile int *)16 = 1;
    if (sigsetjmp(back, 1) == 0)
        *(volatile char *)page = 1;
    if (sigsetjmp(back, 1) == 0)
        one = *(volatile char *)beyond;
#ifdef __x86_64__
    if (sigsetjmp(back, 1) == 0)
        one /= zero;
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("ud2");
    if (sigsetjmp(back, 1) == 0)
        __asm__ volatile("int3");
    if (sigsetjmp(back, 1) == 0) { /* single-stepped by itself: EFLAGS.TF */
        __asm__ volatile("pushf; orq $0x100, (%%rsp); popf; nop" ::: "memory", "cc");
    }
#endif
    if (sigsetjmp(back, 1) == 0)
        raise(SIGTRAP);
    seen("through, %d", one * 0);
}

PROGRAM(a_blocked_fault_kills)
{
    block(SIG_BLOCK, SIGSEGV, 0);
    handle(SIGSEGV, count, 0);
    seen("now");
    *(volatile int *)16 = 1;
}

PROGRAM(pending_and_ignored)
{
    sigset_t pending;

    block(SIG_BLOCK, SIGUSR1, SIGCHLD, SIGWINCH, 0);
    raise(SIGUSR1);
    raise(SIGWINCH);
    sigpending(&pending);
    seen("pending: USR1 %d WINCH %d CONT %d", sigismember(&pending, SIGUSR1),
         sigismember(&pending, SIGWINCH), sigismember(&pending, SIGCONT));
    signal(SIGUSR1, SIG_IGN); /* throws away what is pending */
    sigpending(&pending);
    seen("pending: USR1 %d", sigismember(&pending, SIGUSR1));
}

static void *wait_for_it(void *ready)
{
    sigset_t set;
    int number = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    *(volatile int *)ready = gettid();
    result("sigwait", sigwait(&set, &number));
    seen("thread got %d", number);
    return 0;
}

/* Of a process-directed signal and a thread-directed one, each finds its thread. */
PROGRAM(signals_and_threads)
{
    pthread_t thread;
    volatile int ready = 0;

    block(SIG_BLOCK, SIGUSR1, 0);
    pthread_create(&thread, 0, wait_for_it, (void *)&ready);
    until(&ready, 1);
    until_asleep(ready);
    kill(getpid(), SIGUSR1);
    pthread_join(thread, 0);
    ready = 0;
    pthread_create(&thread, 0, wait_for_it, (void *)&ready);
    until(&ready, 1);
    until_asleep(ready);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, 0);
    handle(SIGUSR2, tell, 0);
    result("tgkill of another's thread", syscall(SYS_tgkill, getpid(), 1, SIGUSR2));
    result("tgkill", syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2));
}

PROGRAM(sigsuspend_and_pause)
{
    sigset_t none;
    pid_t parent = getpid(), child;

    sigemptyset(&none);
    handle(SIGUSR1, tell, SA_RESTART);
    block(SIG_BLOCK, SIGUSR1, 0);
    child = fork();
    if (child == 0) {
        kill(parent, SIGUSR1);
        until_asleep(parent); /* in pause */
        kill(parent, SIGUSR1);
        _exit(0);
    }
    milliseconds(5);
    result("sigsuspend", sigsuspend(&none));
    block(SIG_UNBLOCK, SIGUSR1, 0);
    result("pause", pause());
    waitpid(child, 0, 0);
}

PROGRAM(signal_descriptor)
{
    struct signalfd_siginfo info[4];
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    result("read", read(fd, info, sizeof(info)));
    kill(getpid(), SIGUSR1);
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
    sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7});
    result("poll", poll(&(struct pollfd){fd, POLLIN, 0}, 1, 0));
    result("read", read(fd, info, sizeof(info)));
    for (int i = 0; i < 3; i++)
        seen("%d code %d value %d", info[i].ssi_signo == SIGUSR1 ? -1 : (int)info[i].ssi_signo - SIGRTMIN,
             info[i].ssi_code, i ? info[i].ssi_int : 0);
}

static void forks(int number, siginfo_t *info, void *context)
{
    int status;
    pid_t child = fork();

    (void)number, (void)info, (void)context;
    if (child == 0)
        _exit(23);
    waitpid(child, &status, 0);
    ending("forked in a handler", status);
}

PROGRAM(a_handler_that_forks)
{
    handle(SIGUSR1, forks, 0);
    raise(SIGUSR1);
}

static void *storm(void *target)
{
    for (int i = 0; i < 101; i++)
        sigqueue(*(pid_t *)target, SIGRTMIN, (union sigval){.sival_int = i});
    return 0;
}

/* None of many queued signals is lost or doubled while calls are made. */
PROGRAM(a_storm)
{
    pthread_t threads[3];
    pid_t me = getpid();
    int pipes[2], sum = 0;
    char byte;
    sigset_t set;

    handle(SIGRTMIN, count, SA_RESTART);
    need(pipe(pipes) == 0, "pipe");
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0); /* the threads inherit it */
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], 0, storm, &me);
    sigprocmask(SIG_UNBLOCK, &set, 0);
    for (int i = 0; i < 1009; i++)
        sum += write(pipes[1], "x", 1) + read(pipes[0], &byte, 1);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], 0);
    until(&caught[SIGRTMIN], 303);
    seen("%d signals, %d bytes moved", caught[SIGRTMIN], sum);
}
