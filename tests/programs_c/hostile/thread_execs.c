/* A second thread replaces the program by another, while the first one waits. */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static char *const words[] = { "sh", "-c", "echo another; exit 7", NULL };

static void *other(void *unused)
{
    (void)unused;
    close(socket(AF_INET, SOCK_STREAM, 0));
    execv("/bin/sh", words);
    return NULL;
}

int main(void)
{
    pthread_t thread;

#ifdef IN_FIRST
    execv("/bin/sh", words);
#endif
    pthread_create(&thread, NULL, other, NULL);
    pause();
    return 1;
}
