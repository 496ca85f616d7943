/* Names itself; then takes signals that it blocks: by sigwaitinfo(2), and by reading a
   signalfd(2). Its child sends them. */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    sigset_t set;
    siginfo_t info;
    struct signalfd_siginfo read_info;
    union sigval value = { .sival_int = 7 };
    int fd;

    prctl(PR_SET_NAME, "taker");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    if (fork() == 0) {
        sigqueue(getppid(), SIGUSR1, value);
        _exit(0);
    }
    sigdelset(&set, SIGUSR2);
    sigwaitinfo(&set, &info);
    printf("%d\n", info.si_value.sival_int);
    fflush(stdout);
    if (fork() == 0) {
        kill(getppid(), SIGUSR2);
        _exit(0);
    }
    if (read(fd, &read_info, sizeof read_info) != sizeof read_info)
        return 1;
    while (wait(NULL) > 0)
        ;
    return 0;
}
