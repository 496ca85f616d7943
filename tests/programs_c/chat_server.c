/* A chat for two. The parent sends what is typed, the child prints what comes.
 * Usage: chat_server PORT */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child_gone;

static void on_child(int signo)
{
    int saved = errno;
    (void)signo;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        child_gone = 1;
    errno = saved;
}

int main(int argc, char **argv)
{
    int listener, conn, on = 1;
    struct sockaddr_in addr;
    struct sigaction sa;

    if (argc != 2)
        return 2;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_child;
#ifdef WITH_RESTART
    sa.sa_flags = SA_RESTART;
#endif
    sigaction(SIGCHLD, &sa, NULL);
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
        char buf[512];
        ssize_t n;
        conn = accept(listener, NULL, NULL);
        if (conn < 0) {
            if (errno == EINTR)
                continue;
            perror("accept");
            return 1;
        }
        child_gone = 0;
        if (fork() == 0) {
            close(listener);
            while ((n = read(conn, buf, sizeof buf)) > 0)
                write(STDOUT_FILENO, buf, n);
            close(conn);
            _exit(0);
        }
        while (!child_gone && (n = read(STDIN_FILENO, buf, sizeof buf)) > 0)
            write(conn, buf, n);
        close(conn);
    }
}
