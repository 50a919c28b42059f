#include "seen.h"

const char *self;
volatile int caught[65];

void seen(const char *format, ...)
{
    char line[1024];
    va_list values;
    int length;

    va_start(values, format);
    length = vsnprintf(line, sizeof(line) - 1, format, values);
    va_end(values);
    line[length++] = '\n';
    if (write(1, line, length) != length)
        _exit(90);
}

void result(const char *what, long value)
{
    if (value == -1)
        seen("%s: %s", what, strerrorname_np(errno));
    else
        seen("%s: %ld", what, value);
}

void ending(const char *what, int status)
{
    if (WIFEXITED(status))
        seen("%s: exited %d", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        seen("%s: killed by %d%s", what, WTERMSIG(status), WCOREDUMP(status) ? ", core" : "");
    else if (WIFSTOPPED(status))
        seen("%s: stopped by %d (status %#x)", what, WSTOPSIG(status), status);
    else if (WIFCONTINUED(status))
        seen("%s: continued", what);
    else
        seen("%s: status %#x", what, status);
}

void need(int condition, const char *what)
{
    if (!condition) {
        seen("cannot be tried: %s: %s", what, strerrorname_np(errno));
        _exit(91);
    }
}

void milliseconds(int count_)
{
    struct timespec left = {count_ / 1000, count_ % 1000 * 1000000L};

    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static char state_of(pid_t pid)
{
    char path[64], text[512], *end;
    int fd, length;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[length > 0 ? length : 0] = 0;
    end = strrchr(text, ')');
    return end ? end[2] : 0;
}

int asleep_now(pid_t pid)
{
    return state_of(pid) == 'S';
}

void until_asleep(pid_t pid)
{
    int times = 0, tries = 0;

    while (times < 3) {
        times = state_of(pid) == 'S' ? times + 1 : 0;
        milliseconds(2);
        if (tries++ > 5000)
            need(0, "the other never sleeps");
    }
}

void until(volatile int *value, int least)
{
    for (int tries = 0; *value < least; tries++) {
        if (tries > 10000)
            need(0, "it never came");
        milliseconds(1);
    }
}

volatile int *shared(void)
{
    int *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    need(memory != MAP_FAILED, "mmap");
    return memory;
}

void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

    need(sigaction(number, &action, 0) == 0, "sigaction");
}

void count(int number, siginfo_t *info, void *context)
{
    caught[number]++;
    (void)info, (void)context;
}

void *sleep_on(void *ignored)
{
    (void)ignored;
    for (;;)
        pause();
    return 0;
}
