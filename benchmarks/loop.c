/*
 * Workloads with a clock of their own, so that no start-up counts:
 *   loop io N        N times: send 64 bytes over a socketpair and receive them (2 N calls)
 *   loop compute N   N rounds of arithmetic with a getppid() each: no call that iotrace watches
 *   loop now         print CLOCK_MONOTONIC: when the target's own code began
 * Prints the nanoseconds that the loop took.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int io(long count)
{
    int pair[2];
    char data[64] = {0};

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 1;
    while (count--)
        if (send(pair[0], data, sizeof(data), 0) != 64 || recv(pair[1], data, sizeof(data), 0) != 64)
            return 1;
    return 0;
}

static int compute(long count)
{
    volatile unsigned long sum = 0;

    while (count--) {
        for (int i = 0; i < 10000; i++)
            sum += i * sum + 1;
        syscall(SYS_getppid);
    }
    return 0;
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? atol(argv[2]) : 0;
    long long begin = now_ns();
    int failed;

    if (argc > 1 && !strcmp(argv[1], "now")) {
        printf("%lld\n", begin);
        return 0;
    }
    failed = argc > 1 && !strcmp(argv[1], "io") ? io(count) : compute(count);
    printf("%lld\n", now_ns() - begin);
    return failed;
}
