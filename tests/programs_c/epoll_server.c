/* An echo server in one process. Usage: epoll_server PORT
 * Compile with -DFORGET_CLOSE to take a client out of the set without closing it. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int listener, ep, on = 1;
    struct sockaddr_in addr;
    struct epoll_event ev, events[16];

    if (argc != 2)
        return 2;
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
    ep = epoll_create1(0);
    ev.events = EPOLLIN;
    ev.data.fd = listener;
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    for (;;) {
        int i, ready = epoll_wait(ep, events, 16, -1);
        for (i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                ev.events = EPOLLIN;
                ev.data.fd = accept(listener, NULL, NULL);
                epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev);
            } else {
                char buf[512];
                ssize_t n = read(fd, buf, sizeof buf);
                if (n > 0) {
                    write(fd, buf, n);
                } else {
                    epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
#ifndef FORGET_CLOSE
                    close(fd);
#endif
                }
            }
        }
    }
}
