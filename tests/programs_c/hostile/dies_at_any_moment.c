/* Children that fork, exec and make sockets as fast as they can, killed at any moment. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void busy(void)
{
    for (;;) {
        pid_t child = fork();
        if (child == 0) {
            close(socket(AF_INET, SOCK_STREAM, 0));
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        close(socket(AF_INET, SOCK_STREAM, 0));
        waitpid(child, NULL, WNOHANG);
    }
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 100, killed = 0, status;

    /* What is orphaned comes here, and is seen to end. */
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    for (int i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0)
            busy();
        usleep(rand() % 3000);
        kill(child, SIGKILL);
        while (waitpid(-1, &status, 0) > 0)
            killed += WIFSIGNALED(status);
    }
    printf("%d\n", killed >= rounds);
    return 0;
}
