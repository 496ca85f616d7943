/* An echo server, a process for each connection. Usage: fork_server PORT
 * Compile with -DHANDLE_SIGCHLD to collect the children,
 * with -DKEEP_CONNECTION to forget the parent's close. */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HANDLE_SIGCHLD
static void on_child(int signo)
{
    int saved = errno;
    (void)signo;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    errno = saved;
}
#endif

int main(int argc, char **argv)
{
    int listener, conn, on = 1;
    struct sockaddr_in addr;

    if (argc != 2) {
        fprintf(stderr, "usage: %s PORT\n", argv[0]);
        return 2;
    }
#ifdef HANDLE_SIGCHLD
    signal(SIGCHLD, on_child);
#endif
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    memset(&addr, 0, sizeof addr);
    addr.sin_family = AF_INET;
    addr.sin_addr.s_addr = htonl(INADDR_ANY);
    addr.sin_port = htons(atoi(argv[1]));
    if (bind(listener, (struct sockaddr *)&addr, sizeof addr) < 0) {
        perror("bind");
        return 1;
    }
    listen(listener, 5);
    for (;;) {
        conn = accept(listener, NULL, NULL);
        if (conn < 0) {
            if (errno == EINTR)
                continue;
            perror("accept");
            return 1;
        }
        if (fork() == 0) {
            char buf[512];
            ssize_t n;
            close(listener);
            while ((n = read(conn, buf, sizeof buf)) > 0)
                write(conn, buf, n);
            close(conn);
            _exit(0);
        }
#ifndef KEEP_CONNECTION
        close(conn);
#endif
    }
}
