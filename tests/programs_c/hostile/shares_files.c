/* Two processes with one table of descriptors: what one opens and closes, the other uses. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int number;

static int other(void *unused)
{
    (void)unused;
    close(number);
    return socket(AF_INET, SOCK_STREAM, 0) == number ? 0 : 1;
}

int main(void)
{
    static char stack[65536];
    int status = -1;
    char byte;

    number = open("/dev/null", O_RDONLY);
    (void)!read(number, &byte, 1);
    waitpid(clone(other, stack + sizeof stack, CLONE_FILES | CLONE_VM | SIGCHLD, NULL), &status, 0);
    /* A socket now: not connected, ENOTCONN. */
    (void)!read(number, &byte, 1);
    shutdown(number, SHUT_WR);
    close(number);
    printf("%d\n", status);
    return 0;
}
