/* The other side of chat_server. q ends it. Usage: chat_client IP PORT */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int sock;
    struct sockaddr_in addr;
    char buf[512];
    ssize_t n;

    if (argc != 3)
        return 2;
    sock = socket(AF_INET, SOCK_STREAM, 0);
    memset(&addr, 0, sizeof addr);
    addr.sin_family = AF_INET;
    inet_pton(AF_INET, argv[1], &addr.sin_addr);
    addr.sin_port = htons(atoi(argv[2]));
    if (connect(sock, (struct sockaddr *)&addr, sizeof addr) < 0) {
        perror("connect");
        return 1;
    }
    if (fork() == 0) {
        while ((n = read(STDIN_FILENO, buf, sizeof buf)) > 0) {
            if (buf[0] == 'q' || buf[0] == 'Q')
                break;
            write(sock, buf, n);
        }
#ifndef ONLY_CLOSE
        shutdown(sock, SHUT_WR);
#endif
        close(sock);
        _exit(0);
    }
    while ((n = read(sock, buf, sizeof buf)) > 0)
        write(STDOUT_FILENO, buf, n);
    close(sock);
    wait(NULL);
    return 0;
}
