/* Forks 1,000 times. Usage: many_forks one-by-one|at-once */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int one_by_one = argc > 1 && strcmp(argv[1], "one-by-one") == 0;
    int reaped = 0;

    for (int i = 0; i < 1000; i++) {
        if (fork() == 0)
            _exit(i % 7);
        if (one_by_one && wait(NULL) > 0)
            reaped++;
    }
    while (wait(NULL) > 0)
        reaped++;
    printf("%d\n", reaped);
    return 0;
}
