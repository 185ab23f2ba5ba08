#include "basics.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

uint8_t *pages(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void free_pages(uint8_t **p, size_t size) {
    if (*p) munmap(*p, size);
    *p = NULL;
}

int raise_fd(int fd) {
    if (fd < 0 || fd >= 10) return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    close(fd);
    return high;
}

bool make_pipe(int *mine, int *theirs, int ours) {
    int p[2];
    if (pipe2(p, O_CLOEXEC) != 0) return false;
    *mine = raise_fd(p[ours]);
    *theirs = raise_fd(p[1 - ours]);
    if (*mine < 0 || *theirs < 0) return false;
    fcntl(*mine, F_SETFL, O_NONBLOCK);
    return true;
}
