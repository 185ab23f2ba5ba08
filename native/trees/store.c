#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "state.h"
#include "report.h"

bool has_base;

void object_path(const char *hex, char path[HASH_HEX + 16]) { sprintf(path, "objects/%s", hex); }

/* Whether the store has it, or can take it over from the earlier one: as one more name of the same file. */
static bool has_object(const char *hex, uint64_t size)
{
    char path[HASH_HEX + 16];
    struct stat st;
    object_path(hex, path);
    if (fstatat(STORE_FD, path, &st, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (!has_base || fstatat(BASE_FD, path, &st, AT_SYMLINK_NOFOLLOW) != 0) return false;
    return S_ISREG(st.st_mode) && (uint64_t)st.st_size == size && linkat(BASE_FD, path, STORE_FD, path, 0) == 0;
}

void send_to_disk(int fd)
{
    const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (sync_file_range(fd, 0, 0, all) != 0 && errno != ESPIPE && errno != EINVAL && errno != ENOSYS) fail_errno("writing");
}

static void keep_object(int made, const char *hex, digest *d)
{
    char path[HASH_HEX + 16];
    if (has_object(hex, d->size)) {
        close(made);
        unlinkat(STORE_FD, "object", 0);
        return;
    }
    send_to_disk(made);
    close(made);
    object_path(hex, path);
    if (renameat(STORE_FD, "object", STORE_FD, path) != 0) fail_errno("storing");
    counts.new_objects += 1;
    counts.stored_bytes += d->nonzero;
}

static int new_object(void)
{
    int fd = openat(STORE_FD, "object", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) fail_errno("storing");
    return fd;
}

void store_file(int fd, digest *d, char hex[HASH_HEX + 1])
{
    int made = reflinks ? new_object() : -1;
    if (made >= 0 && clone_file(fd, made)) {
        /* What was shared does not change any more, whoever writes to the file. */
        read_file(made, -1, d);
        digest_hex(d, hex);
        keep_object(made, hex, d);
        return;
    }
    if (made >= 0) {
        close(made);
        unlinkat(STORE_FD, "object", 0);
    }
    read_file(fd, -1, d);
    digest_hex(d, hex);
    if (has_object(hex, d->size)) return;
    made = new_object();
    if (chunk_is_whole) {
        take_blocks(NULL, made, 0, chunk, (size_t)d->size);
        if (ftruncate(made, (off_t)d->size) != 0) fail_errno("writing");
        keep_object(made, hex, d);
        return;
    }
    /* The name is of what was written, also when the file was changed between the two readings. */
    read_file(fd, made, d);
    digest_hex(d, hex);
    keep_object(made, hex, d);
}
