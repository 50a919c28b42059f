/*
 * programs NAME    run one program
 * programs         run all, each as a process of its own in a session of its own, and print for each
 *                  "== NAME: wait status", then what it wrote
 */
#include "seen.h"

extern const struct program __start_programs[], __stop_programs[];

static void watch(const struct program *program)
{
    static char output[1 << 16];
    int pipes[2], status = -1, size = 0, got, reaped = 0;
    struct pollfd poll_ = {.events = POLLIN};
    pid_t pid;

    need(pipe2(pipes, O_CLOEXEC) == 0, "pipe2");
    pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0) {
        setsid();
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        execl(self, self, program->name, (char *)0);
        _exit(92);
    }
    close(pipes[1]);
    poll_.fd = pipes[0];
    while (size < (int)sizeof(output) - 1) {
        /* A descendant may hold the pipe for longer than the program lives. */
        got = poll(&poll_, 1, reaped ? 0 : 20);
        if (got > 0) {
            got = read(pipes[0], output + size, sizeof(output) - 1 - size);
            if (got <= 0)
                break;
            size += got;
        } else if (reaped)
            break;
        if (!reaped)
            reaped = waitpid(pid, &status, WNOHANG) == pid;
    }
    if (!reaped)
        waitpid(pid, &status, 0);
    close(pipes[0]);
    output[size] = 0;
    seen("== %s: %d", program->name, status);
    if (size && write(1, output, size) != size)
        _exit(90);
}

int main(int argc, char **argv)
{
    const struct program *program;
    static char path[4096];

    need(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0, "readlink");
    self = path;
    for (program = __start_programs; program < __stop_programs; program++) {
        if (argc == 1)
            watch(program);
        else if (strcmp(program->name, argv[1]) == 0) {
            alarm(20); /* whatever goes wrong */
            program->run();
            return 0;
        }
    }
    if (argc == 1)
        return 0;
    fprintf(stderr, "no program %s\n", argv[1]);
    return 93;
}
