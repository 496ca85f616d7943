/* Makes calls of the 32-bit ABI in a 64-bit program: getpid, fork, and reaps. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int call32(int number)
{
    int result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(void)
{
    int child;

    if (call32(20) != getpid()) {
        printf("not here\n");
        return 0;
    }
    child = call32(2);
    if (child == 0)
        _exit(3);
    waitpid(child, NULL, 0);
    close(socket(AF_INET, SOCK_STREAM, 0));
    printf("works\n");
    return 0;
}
