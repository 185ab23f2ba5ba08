/*
 * extents: prints where the file that is its descriptor 0 holds data, a line each: offset and end in bytes, decimal. What is not named is a hole, which reads as zeros:
 * whoever reads a sparse disk whole reads them, too, and fills the machine's page cache with them. Where the file system knows no holes, all of the file is data.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    struct stat st;
    if (fstat(0, &st) < 0 || !S_ISREG(st.st_mode)) return 1;
    for (off_t at = 0; at < st.st_size;) {
        off_t data = lseek(0, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break; /* a hole up to the end */
        off_t end = data < 0 ? -1 : lseek(0, data, SEEK_HOLE);
        if (end < 0) {
            if (errno != EINVAL || at != 0) return 1;
            data = 0;
            end = st.st_size;
        }
        if (printf("%lld %lld\n", (long long)data, (long long)end) < 0) return 1;
        at = end;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
