/* Calls on numbers that name nothing, or something that is no socket: each answers EBADF or
   ENOTSOCK. Then closes all numbers that there are, as daemons do. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void answers(const char *call, int result)
{
    printf("%s %s\n", call, result < 0 ? strerrorname_np(errno) : "ok");
}

int main(void)
{
    char byte = 'x';
    int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
    int file = open("/dev/null", O_RDWR);

    answers("close", close(socket_fd));
    answers("close", close(socket_fd));
    answers("write", write(socket_fd, &byte, 1));
    answers("accept", accept(socket_fd, NULL, NULL));
    answers("send", send(socket_fd, &byte, 1, 0));
    answers("shutdown", shutdown(file, SHUT_WR));
    answers("listen", listen(file, 5));
    answers("recv", recv(file, &byte, 1, 0));
    answers("write", write(file, &byte, 1));
    fflush(stdout);
    for (int fd = 3; fd < 1000; fd++)
        if (fcntl(fd, F_GETFD) >= 0 || fd % 2)
            close(fd);
    return 0;
}
