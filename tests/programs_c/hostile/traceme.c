/* Asks its parent to trace it, then tries to trace a child. Prints both errno. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t child;
    long me = ptrace(PTRACE_TRACEME, 0, 0, 0);

    printf("traceme %s\n", me < 0 ? strerror(errno) : "worked");
    child = fork();
    if (child == 0) {
        pause();
        _exit(9);
    }
    if (ptrace(PTRACE_ATTACH, child, 0, 0) < 0)
        printf("attach %s\n", strerror(errno));
    else
        waitpid(child, NULL, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(socket(AF_INET, SOCK_STREAM, 0));
    return 0;
}
