/* execve(2), vfork(2), posix_spawn(3), popen(3): another program in the same process. */
#include "seen.h"
#include <spawn.h>

extern char **environ;

/* What an exec'ed image says of itself. */
PROGRAM(says_who_it_is)
{
    char name[16] = "";
    sigset_t mask;
    int threads = 0, fd = open("/proc/self/status", O_RDONLY);
    char text[4096] = "", *line;

    (void)!read(fd, text, sizeof(text) - 1);
    close(fd);
    line = strstr(text, "Threads:");
    if (line)
        threads = atoi(line + 8);
    prctl(PR_GET_NAME, name);
    sigprocmask(SIG_BLOCK, 0, &mask);
    seen("name %s, leader %d, threads %d, pid kept %d, USR1 blocked %d, USR2 ignored %d", name,
         getpid() == gettid(), threads, getenv("PID") && atoi(getenv("PID")) == getpid(),
         sigismember(&mask, SIGUSR1), signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

static void become(void)
{
    char pid[32];

    snprintf(pid, sizeof(pid), "PID=%d", getpid());
    execle(self, "chosen", "says_who_it_is", (char *)0, (char *[]){pid, 0});
    need(0, "exec");
}

PROGRAM(exec_of_the_main_thread)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, 0);
    signal(SIGUSR2, SIG_IGN);
    become();
}

static void *exec_later(void *leader)
{
    until_asleep(*(pid_t *)leader);
    become();
    return 0;
}

static void exec_from_a_thread(void)
{
    pthread_t threads[7];
    pid_t leader = getpid();

    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], 0, sleep_on, 0);
    pthread_create(&threads[6], 0, exec_later, &leader);
    for (;;)
        pause();
}

PROGRAM(exec_of_another_thread)
{
    exec_from_a_thread();
}

PROGRAM(exec_of_a_childs_thread)
{
    int status;
    pid_t child = fork();

    if (child == 0)
        exec_from_a_thread();
    seen("mine %d", waitpid(child, &status, 0) == child);
    ending("child", status);
}

static void *exec_after_leader(void *ignored)
{
    (void)ignored;
    milliseconds(10);
    become();
    return 0;
}

PROGRAM(exec_after_the_leader_has_left)
{
    pthread_t thread;

    pthread_create(&thread, 0, exec_after_leader, 0);
    pthread_exit(0);
}

PROGRAM(exec_that_fails)
{
    char *const argv[] = {"x", 0};
    char *big = malloc(1 << 24);
    int file;

    result("no such file", execve("/nonexistent/x", argv, environ));
    result("a folder", execve("/", argv, environ));
    result("below a file", execve("/etc/passwd/x", argv, environ));
    file = memfd_create("text", 0);
    (void)!write(file, "neither\n", 8);
    fchmod(file, 0700);
    result("no format", fexecve(file, argv, environ));
    memset(big, 'x', (1 << 24) - 1);
    big[(1 << 24) - 1] = 0;
    result("too big", execve(self, (char *[]){big, 0}, environ));
    result("bad address", execve((char *)16, argv, environ));
    seen("still here");
}

PROGRAM(vfork_and_exec)
{
    volatile int order = 0;
    int status;
    pid_t child;

    child = vfork();
    if (child == 0) {
        milliseconds(20);
        order = 1; /* the parent's own memory, and the parent waits */
        _exit(23);
    }
    seen("order %d", order);
    waitpid(child, &status, 0);
    ending("vfork", status);
    child = vfork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exit 7", (char *)0);
        _exit(99);
    }
    waitpid(child, &status, 0);
    ending("vfork and exec", status);
    child = vfork();
    if (child == 0) {
        execl("/nonexistent/x", "x", (char *)0);
        _exit(errno == ENOENT ? 17 : 18);
    }
    waitpid(child, &status, 0);
    ending("vfork, exec fails", status);
    child = vfork();
    if (child == 0) {
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    ending("vfork, killed", status);
}

PROGRAM(spawn_and_popen)
{
    char *const argv[] = {"sh", "-c", "echo from the shell; exit 5", 0};
    char line[64] = "";
    FILE *stream;
    int status;
    pid_t child;

    result("posix_spawn", posix_spawn(&child, "/bin/sh", 0, 0, argv, environ));
    waitpid(child, &status, 0);
    ending("child", status);
    seen("missing: %s", strerrorname_np(posix_spawn(&child, "/nonexistent/x", 0, 0, argv, environ)));
    stream = popen("echo through a pipe; exit 3", "r");
    (void)!fgets(line, sizeof(line), stream);
    line[strcspn(line, "\n")] = 0;
    seen("popen: %s", line);
    ending("pclose", pclose(stream));
    ending("system", system("kill -TERM $$"));
}
