/* What the programs share: each says on descriptor 1 what it saw, and nothing that differs from run to run. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct program {
    const char *name;
    void (*run)(void);
};

/* Define a program: `programs NAME` runs it, `programs` runs all. */
#define PROGRAM(name)                                                                          \
    static void name(void);                                                                    \
    static const struct program program_##name                                                 \
        __attribute__((used, aligned(8), section("programs"))) = {#name, name};                \
    static void name(void)

/* Write a line without stdio's buffers, which a fork would double. */
__attribute__((format(printf, 1, 2))) void seen(const char *format, ...);

/* Say a call's result: its value, or the name of its error. */
void result(const char *what, long value);

/* Say a wait status in words. */
void ending(const char *what, int status);

/* End with a line on what a test's own preparation could not do. */
void need(int condition, const char *what);

/* Sleep, whatever signals come. */
void milliseconds(int count);

/* Wait until a process (or thread) sleeps in a call. */
void until_asleep(pid_t pid);
int asleep_now(pid_t pid);

/* What a thread does that never ends by itself. */
void *sleep_on(void *ignored);

/* Wait, at most ten seconds, until *value is at least `least`. */
void until(volatile int *value, int least);

/* Memory that forked children share. */
volatile int *shared(void);

/* Install a handler; flags as sigaction(2). */
void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags);

/* Counts deliveries by number. */
extern volatile int caught[65];
void count(int number, siginfo_t *info, void *context);

/* This program's own file. */
extern const char *self;
