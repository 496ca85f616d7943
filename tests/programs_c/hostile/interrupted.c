/* Reads from a socket that nobody writes to, while a child sends SIGUSR1, or (STOPS) stops it and
 * lets it go on. The read fails with EINTR; with RESTARTS it begins anew. Then the child writes. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_signal(int signo)
{
    (void)signo;
}

/* Whether the process sleeps (S), or is stopped (T, t), by the third word of its stat. */
static int has_letter(pid_t pid, const char *letters)
{
    char path[64], text[256], *end;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (!file)
        return 1;
    end = fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
    fclose(file);
    return !end || strchr(letters, end[2]) != NULL;
}

static void until(pid_t pid, const char *letters)
{
    while (!has_letter(pid, letters))
        usleep(200);
}

int main(void)
{
    struct sigaction sa;
    char byte;
    int pair[2], result;
    pid_t parent = getpid(), child;

    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_signal;
#ifdef RESTARTS
    sa.sa_flags = SA_RESTART;
#endif
    sigaction(SIGUSR1, &sa, NULL);
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    child = fork();
    if (child == 0) {
        close(pair[0]);
        until(parent, "S");
        usleep(20000);
#ifdef STOPS
        kill(parent, SIGSTOP);
        until(parent, "Tt");
        usleep(20000);
        kill(parent, SIGCONT);
#else
        kill(parent, SIGUSR1);
#endif
        usleep(20000);
        (void)!write(pair[1], "x", 1);
        _exit(0);
    }
    close(pair[1]);
#ifdef POLLS
    struct pollfd ready = { pair[0], POLLIN, 0 };
    result = poll(&ready, 1, 10000);
#else
    result = read(pair[0], &byte, 1);
#endif
    printf("%d %s\n", result, result < 0 ? strerror(errno) : "read");
    waitpid(child, NULL, 0);
    return 0;
}
