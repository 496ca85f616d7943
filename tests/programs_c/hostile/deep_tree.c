/* A chain of 60 processes, each the child of the one before; the last one connects nowhere. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : 60;
    int status = 0, total = 1;

    while (depth-- > 0) {
        pid_t child = fork();
        if (child > 0) {
            waitpid(child, &status, 0);
            total += WEXITSTATUS(status);
            break;
        }
    }
    close(socket(AF_INET, SOCK_STREAM, 0));
    if (total == 61)
        printf("%d\n", total);
    return total;
}
