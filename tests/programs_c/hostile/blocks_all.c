/* Blocks every signal, then takes what is queued: the values, in order. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void on_signal(int signo, siginfo_t *info, void *context)
{
    (void)context;
    printf("%d:%d ", signo - SIGRTMIN, info->si_value.sival_int);
}

int main(void)
{
    struct sigaction sa = { 0 };
    sigset_t all;
    union sigval value;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sa.sa_sigaction = on_signal;
    sa.sa_flags = SA_SIGINFO;
    sigfillset(&sa.sa_mask);
    sigaction(SIGRTMIN, &sa, NULL);
    sigaction(SIGRTMIN + 1, &sa, NULL);
    for (int i = 0; i < 3; i++) {
        value.sival_int = i;
        sigqueue(getpid(), SIGRTMIN + 1, value);
        value.sival_int = 10 + i;
        sigqueue(getpid(), SIGRTMIN, value);
    }
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    printf("\n");
    return 0;
}
