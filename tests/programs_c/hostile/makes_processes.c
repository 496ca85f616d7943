/* Makes a process in every way there is; each connects nowhere and ends. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const words[] = { "true", NULL };

static void touch(void)
{
    close(socket(AF_INET, SOCK_STREAM, 0));
}

static void wait_for(pid_t child, const char *what)
{
    int status = -1;

    if (waitpid(child, &status, __WALL) == child && WIFEXITED(status))
        printf("%s %d\n", what, WEXITSTATUS(status));
    else
        printf("%s?\n", what);
}

static void *forks(void *unused)
{
    pid_t child = fork();

    (void)unused;
    if (child == 0) {
        touch();
        _exit(1);
    }
    wait_for(child, "thread");
    return NULL;
}

static int cloned(void *unused)
{
    (void)unused;
    touch();
    return 2;
}

int main(void)
{
    static char stack[65536];
    pthread_t thread;
    pid_t child;

    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_create(&thread, NULL, forks, NULL);
    pthread_join(thread, NULL);
    wait_for(clone(cloned, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL), "files");
    wait_for(clone(cloned, stack + sizeof stack, CLONE_VM | CLONE_FS, NULL), "silent");
    child = vfork();
    if (child == 0) {
        execv("/bin/true", words);
        _exit(127);
    }
    wait_for(child, "vfork");
    if (posix_spawn(&child, "/bin/true", NULL, NULL, words, NULL) == 0)
        wait_for(child, "spawn");
    child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0) {
        touch();
        _exit(4);
    }
    printf("sibling\n");
    return 0;
}
