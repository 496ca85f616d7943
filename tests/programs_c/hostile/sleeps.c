/* Sleeps; its child stops it, lets it go on, and wakes it by a signal that it handles. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void on_signal(int signo)
{
    (void)signo;
}

/* Waits until the parent is in one of these states. */
static void until(const char *states)
{
    char path[64], state;

    snprintf(path, sizeof path, "/proc/%d/stat", getppid());
    do {
        FILE *file = fopen(path, "r");

        if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
            _exit(1);
        fclose(file);
        usleep(1000);
    } while (!strchr(states, state));
}

int main(void)
{
    struct sigaction sa = { .sa_handler = on_signal };
    struct timespec time = { .tv_sec = 600 };

    sigaction(SIGUSR1, &sa, NULL);
    if (fork() == 0) {
        until("S");
        kill(getppid(), SIGSTOP);
        until("Tt");
        kill(getppid(), SIGCONT);
        until("S");
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    printf("%s\n", nanosleep(&time, NULL) < 0 && errno == EINTR ? "woken" : "slept");
    wait(NULL);
    return 0;
}
