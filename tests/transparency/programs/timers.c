/* setitimer(2), alarm(2), timer_create(2), timerfd_create(2), nanosleep(2), select(2). */
#include "seen.h"
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>

PROGRAM(interval_timers)
{
    struct itimerval often = {{0, 5000}, {0, 5000}}, left, none = {{0, 0}, {0, 0}};

    handle(SIGALRM, count, 0);
    handle(SIGVTALRM, count, 0);
    handle(SIGPROF, count, 0);
    setitimer(ITIMER_REAL, &often, 0);
    until(&caught[SIGALRM], 5);
    setitimer(ITIMER_REAL, &none, &left);
    seen("real: at least 5, interval %ld, left within %d", left.it_interval.tv_usec,
         left.it_value.tv_usec <= 5000 + 4000); /* a jiffy may be added */
    setitimer(ITIMER_VIRTUAL, &often, 0);
    while (!caught[SIGVTALRM])
        ;
    setitimer(ITIMER_VIRTUAL, &none, 0);
    setitimer(ITIMER_PROF, &often, 0);
    while (!caught[SIGPROF])
        ;
    setitimer(ITIMER_PROF, &none, 0);
    seen("virtual and profiling: at least 1");
}

PROGRAM(an_alarm_over_exec)
{
    signal(SIGALRM, SIG_DFL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 150000}}, 0);
    execl(self, self, "is_ended_by_an_alarm", (char *)0);
}

PROGRAM(is_ended_by_an_alarm)
{
    struct itimerval now;

    alarm(0); /* the limit of main() took its place */
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 20000}}, 0);
    getitimer(ITIMER_REAL, &now);
    seen("runs %d", now.it_value.tv_usec > 0);
    for (;;)
        pause();
}

PROGRAM(what_is_left_of_a_sleep)
{
    struct timespec wanted = {5, 0}, left = {0, 0};
    pid_t parent = getpid(), child;

    handle(SIGUSR1, count, SA_RESTART);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 2; i++) {
            until_asleep(parent);
            kill(parent, SIGUSR1);
            milliseconds(10);
        }
        _exit(0);
    }
    result("nanosleep", nanosleep(&wanted, &left));
    seen("left %d", left.tv_sec < 5 && (left.tv_sec > 0 || left.tv_nsec > 0));
    left = (struct timespec){7, 7};
    clock_gettime(CLOCK_MONOTONIC, &wanted);
    wanted.tv_sec += 5;
    seen("clock_nanosleep: %s", strerrorname_np(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wanted, &left)));
    seen("untouched %d", left.tv_sec == 7);
    waitpid(child, 0, 0);
    result("a nonsense time", nanosleep(&(struct timespec){0, 2000000000}, 0));
}

PROGRAM(timer_descriptors)
{
    struct itimerspec once = {{0, 0}, {0, 5000000}}, often = {{0, 2000000}, {0, 2000000}}, now;
    struct epoll_event event = {.events = EPOLLIN};
    uint64_t value = 0;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), watcher = epoll_create1(0);

    result("read", read(fd, &value, 8));
    timerfd_settime(fd, 0, &once, 0);
    epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event);
    result("epoll_wait", epoll_wait(watcher, &event, 1, 5000));
    result("read", read(fd, &value, 8));
    seen("expired %d", (int)value);
    timerfd_settime(fd, 0, &often, 0);
    milliseconds(30);
    result("read", read(fd, &value, 8));
    seen("expired at least 10: %d", value >= 10);
    timerfd_gettime(fd, &now);
    seen("interval %ld", now.it_interval.tv_nsec);
    result("read a short buffer", read(fd, &value, 4));
}

PROGRAM(posix_timers)
{
    struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 23};
    struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    timer_t timer;
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, 0);
    need(timer_create(CLOCK_MONOTONIC, &by_signal, &timer) == 0, "timer_create");
    timer_settime(timer, 0, &often, 0);
    milliseconds(30);
    sigwaitinfo(&set, &info);
    seen("code %d value %d overran %d", info.si_code, info.si_value.sival_int, info.si_overrun >= 10);
    timer_delete(timer);
}

PROGRAM(timeouts)
{
    struct timeval quarter = {0, 3000};
    struct timespec now, then;
    fd_set set;
    int pipes[2], watcher = epoll_create1(0);
    char byte;
    struct epoll_event event;

    need(pipe(pipes) == 0, "pipe");
    FD_ZERO(&set);
    FD_SET(pipes[0], &set);
    clock_gettime(CLOCK_MONOTONIC, &now);
    result("select", select(pipes[0] + 1, &set, 0, 0, &quarter));
    seen("left %ld %ld, set %d", quarter.tv_sec, quarter.tv_usec, FD_ISSET(pipes[0], &set) != 0);
    result("poll", poll(&(struct pollfd){pipes[0], POLLIN, 0}, 1, 3));
    result("epoll_wait", epoll_wait(watcher, &event, 1, 3));
    clock_gettime(CLOCK_MONOTONIC, &then);
    seen("no earlier than due: %d", (then.tv_sec - now.tv_sec) * 1000000000L + then.tv_nsec - now.tv_nsec >= 9000000);
    (void)!write(pipes[1], "x", 1);
    quarter = (struct timeval){4, 0};
    FD_SET(pipes[0], &set);
    result("select", select(pipes[0] + 1, &set, 0, 0, &quarter));
    seen("left nearly all: %d", quarter.tv_sec >= 3);
    result("read", read(pipes[0], &byte, 1));
    result("sleep", sleep(0));
}
