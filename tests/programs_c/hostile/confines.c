/* Puts a seccomp filter on itself that refuses socket(2): with an error, or (KILLS) with death. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef KILLS
#define ANSWER SECCOMP_RET_KILL_PROCESS
#else
#define ANSWER (SECCOMP_RET_ERRNO | EACCES)
#endif

int main(void)
{
    struct sock_filter lines[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, ANSWER),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof lines / sizeof *lines, lines };

    close(socket(AF_INET, SOCK_STREAM, 0));
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        return 3;
    printf("confined\n");
    fflush(stdout);
    if (socket(AF_INET, SOCK_STREAM, 0) < 0)
        printf("%s\n", strerror(errno));
    return 0;
}
