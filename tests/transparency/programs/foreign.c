/* Calls of another architecture: int $0x80 makes i386 calls in a 64-bit process (arch/x86/entry). */
#include "seen.h"

#ifdef __x86_64__
static long int80(long number, long first, long second, long third)
{
    long value;

    __asm__ volatile("int $0x80" : "=a"(value) : "a"(number), "b"(first), "c"(second), "d"(third) : "memory", "r8", "r9", "r10", "r11");
    return (int)value;
}

/* Memory that 32 bits can address. */
static char *low(void)
{
    char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

    need(memory != MAP_FAILED, "mmap");
    return memory;
}

/* i386's numbers: 3 read, 4 write, 5 open, 6 close, 20 getpid, 42 pipe, 162 nanosleep. */
PROGRAM(calls_of_another_architecture)
{
    char *memory = low();
    int *ends = (int *)memory;

    seen("getpid %d", int80(20, 0, 0, 0) == getpid());
    seen("pipe %ld", int80(42, (long)ends, 0, 0));
    strcpy(memory + 64, "hello");
    seen("write %ld", int80(4, ends[1], (long)memory + 64, 5));
    seen("read %ld %.5s", int80(3, ends[0], (long)memory + 128, 64), memory + 128);
    seen("close %ld %ld", int80(6, ends[0], 0, 0), int80(6, ends[0], 0, 0));
    seen("no such call %ld", int80(9999, 0, 0, 0));
    seen("x32 %ld", syscall(0x40000000 | SYS_getpid) == -1 ? (long)-errno : 0);
}

static void out(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    caught[number]++;
}

/* A 32-bit sleep that a signal interrupts and the kernel restarts. */
PROGRAM(another_architectures_restarts)
{
    pid_t parent = getpid(), child;
    char *memory = low();
    int *ends = (int *)memory;

    handle(SIGUSR1, out, SA_RESTART);
    int80(42, (long)ends, 0, 0);
    child = fork();
    if (child == 0) {
        until_asleep(parent);
        kill(parent, SIGUSR1);
        until_asleep(parent);
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    seen("read %ld", int80(3, ends[0], (long)memory + 64, 1));
    seen("handled %d", caught[SIGUSR1]);
    waitpid(child, 0, 0);
}
#endif
