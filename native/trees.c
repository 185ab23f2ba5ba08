/*
 * Copies trees of files that hostile code has made: into a folder of contents by their hash (`capture`), back out of it (`restore`),
 * and gives one to a uid (`own`). Everything goes by descriptors that the caller passes, one name at a time, and never through a link;
 * the process first locks itself into the store's folder and gives up every right but those over files.
 *
 *   trees capture MAX_ENTRIES MAX_BYTES [BASE]   3: the tree   4: the store   5: the list, to be written   6: with BASE, an earlier store
 *   trees restore                                3: an empty folder, gets `tree`   4: the store   0: the list
 *   trees own UID GID                            3: the tree
 *
 * Prints one JSON line: counts, or {"error", "detail"}. docs/decisions/0011 says why this is a program of its own, docs/reference/snapshots.md
 * what is kept; the list's lines are described at `write_entry`.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TREE_FD = 3, STORE_FD = 4, LIST_FD = 5, BASE_FD = 6 };
enum { MAX_DEPTH = 1000, BLOCK = 4096, CHUNK = 1 << 20, HASH_BYTES = 32, HASH_HEX = 64 };
/* Bits of a mode that are kept: set-uid and set-gid mean nothing in a sandbox, and would mean something outside. */
enum { KEPT_MODE = 01777 };

static uint8_t chunk[CHUNK];
static uint64_t entries, bytes, stored_bytes, new_objects, skipped;
static uint64_t max_entries = UINT64_MAX, max_bytes = UINT64_MAX;
/* Whether the file system shares blocks between files; tried until it says that it does not. */
static bool reflinks = true;

static void fail(const char *code, const char *format, ...)
{
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    /* Details are ours and hold no name of a file, so there is nothing to escape. */
    printf("{\"error\":\"%s\",\"detail\":\"%s\"}\n", code, detail);
    fflush(stdout);
    _exit(1);
}

static void fail_errno(const char *what)
{
    int code = errno;
    if (code == ENOSPC || code == EDQUOT) fail("no_space", "%s: %s", what, strerror(code));
    fail(code == EACCES || code == EPERM ? "unreadable" : "io", "%s: %s", what, strerror(code));
}

/* ---- BLAKE2b, RFC 7693: as safe against made collisions as SHA-256 and several times as fast without special instructions ---- */

typedef struct {
    uint64_t h[8], total;
    uint8_t block[128];
    size_t held;
} blake;

static const uint64_t IV[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                               0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
static const uint8_t SIGMA[12][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};

static uint64_t rotr(uint64_t x, int n) { return x >> n | x << (64 - n); }

static void blake_init(blake *b)
{
    memcpy(b->h, IV, sizeof IV);
    b->h[0] ^= 0x01010000 ^ 64;
    b->total = 0;
    b->held = 0;
}

#define G(a, b, c, d, x, y)                                                                                            \
    (a += b + (x), d = rotr(d ^ a, 32), c += d, b = rotr(b ^ c, 24), a += b + (y), d = rotr(d ^ a, 16), c += d,        \
     b = rotr(b ^ c, 63))

static void blake_compress(blake *b, const uint8_t *data, bool last)
{
    uint64_t v[16], m[16];
    memcpy(v, b->h, 64);
    memcpy(v + 8, IV, 64);
    memcpy(m, data, 128); /* Both architectures that we know are little-endian. */
    v[12] ^= b->total;
    if (last) v[14] = ~v[14];
#pragma GCC unroll 12
    for (int r = 0; r < 12; r++) {
        const uint8_t *s = SIGMA[r];
        G(v[0], v[4], v[8], v[12], m[s[0]], m[s[1]]), G(v[1], v[5], v[9], v[13], m[s[2]], m[s[3]]);
        G(v[2], v[6], v[10], v[14], m[s[4]], m[s[5]]), G(v[3], v[7], v[11], v[15], m[s[6]], m[s[7]]);
        G(v[0], v[5], v[10], v[15], m[s[8]], m[s[9]]), G(v[1], v[6], v[11], v[12], m[s[10]], m[s[11]]);
        G(v[2], v[7], v[8], v[13], m[s[12]], m[s[13]]), G(v[3], v[4], v[9], v[14], m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++) b->h[i] ^= v[i] ^ v[i + 8];
}

static void blake_update(blake *b, const void *data, size_t size)
{
    const uint8_t *p = data;
    while (size > 0) {
        if (b->held == 128) {
            b->total += 128;
            blake_compress(b, b->block, false);
            b->held = 0;
        }
        /* The last block is kept back: it is compressed differently. */
        while (b->held == 0 && size > 128) {
            b->total += 128;
            blake_compress(b, p, false);
            p += 128, size -= 128;
        }
        size_t take = size < 128 - b->held ? size : 128 - b->held;
        memcpy(b->block + b->held, p, take);
        b->held += take, p += take, size -= take;
    }
}

static void blake_final(blake *b, uint8_t out[64])
{
    b->total += b->held;
    memset(b->block + b->held, 0, 128 - b->held);
    blake_compress(b, b->block, true);
    memcpy(out, b->h, 64);
}

/* ---- What a file holds: its blocks that are not zero, where they lie, and its size. A hole and written zeros are the same. ---- */

typedef struct {
    blake data, runs;
    uint64_t start, end, size, nonzero;
} digest;

static void digest_init(digest *d)
{
    *d = (digest){0};
    blake_init(&d->data);
    blake_init(&d->runs);
}

static void digest_end_run(digest *d)
{
    uint64_t run[2] = {d->start, d->end};
    if (d->end > d->start) blake_update(&d->runs, run, sizeof run);
}

static void digest_range(digest *d, uint64_t at, const uint8_t *p, size_t size)
{
    if (at != d->end || d->end == d->start) {
        digest_end_run(d);
        d->start = at;
    }
    d->end = at + size;
    d->nonzero += size;
    blake_update(&d->data, p, size);
}

static void digest_hex(digest *d, char hex[HASH_HEX + 1])
{
    uint8_t parts[136], out[64];
    digest_end_run(d);
    blake_final(&d->data, parts);
    blake_final(&d->runs, parts + 64);
    memcpy(parts + 128, &d->size, 8);
    blake whole;
    blake_init(&whole);
    blake_update(&whole, parts, sizeof parts);
    blake_final(&whole, out);
    for (int i = 0; i < HASH_BYTES; i++) sprintf(hex + 2 * i, "%02x", out[i]);
}

static bool is_zero(const uint8_t *p, size_t size) { return p[0] == 0 && memcmp(p, p + 1, size - 1) == 0; }

static void write_at(int fd, const uint8_t *p, size_t size, uint64_t at)
{
    while (size > 0) {
        ssize_t n = pwrite(fd, p, size, (off_t)at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno("writing");
        p += n, size -= (size_t)n, at += (uint64_t)n;
    }
}

/* Takes in the blocks of `p` that are not zero (unless `d` is NULL), and writes them to `to` (unless -1). */
static void take_blocks(digest *d, int to, uint64_t at, const uint8_t *p, size_t size)
{
    size_t from = 0;
    while (from < size) {
        size_t end = from;
        for (;;) {
            size_t step = size - end < BLOCK ? size - end : BLOCK;
            if (step == 0 || is_zero(p + end, step)) break;
            end += step;
        }
        if (end > from) {
            if (d) digest_range(d, at + from, p + from, end - from);
            if (to >= 0) write_at(to, p + from, end - from, at + from);
        }
        from = end + (size - end < BLOCK ? size - end : BLOCK);
    }
}

/* Whether `chunk` holds all of the file that was read last: then it need not be read again to be written. */
static bool chunk_is_whole;

/* Reads a file whole, holes passed over; copies it to `to` unless that is -1. A file that grows or shrinks meanwhile ends where it ended. */
static void read_file(int fd, int to, digest *d)
{
    uint64_t at = 0, chunks = 0, first = 1;
    digest_init(d);
    for (;; chunks++) {
        off_t data = lseek(fd, (off_t)at, SEEK_DATA);
        if (data < 0 && errno != ENXIO) data = (off_t)at; /* A file system that knows no holes. */
        else if (data < 0) break;
        at = (uint64_t)data / BLOCK * BLOCK;
        if (chunks == 0) first = at;
        ssize_t n = 0;
        size_t held = 0;
        while (held < CHUNK && (n = pread(fd, chunk + held, CHUNK - held, (off_t)(at + held))) != 0) {
            if (n < 0 && errno != EINTR) fail_errno("reading");
            if (n > 0) held += (size_t)n;
        }
        take_blocks(d, to, at, chunk, held);
        at += held;
        if (bytes + d->nonzero > max_bytes) fail("too_large", "the files hold more than %" PRIu64 " bytes", max_bytes);
        if (held < CHUNK) break;
    }
    struct stat st;
    if (fstat(fd, &st) != 0) fail_errno("reading");
    d->size = (uint64_t)st.st_size;
    if (at > d->size) d->size = at;
    chunk_is_whole = chunks == 0 && at == d->size && first == 0;
    if (to >= 0 && ftruncate(to, (off_t)d->size) != 0) fail_errno("writing");
}

static bool clone_file(int from, int to)
{
    if (reflinks && ioctl(to, FICLONE, from) == 0) return true;
    if (reflinks && errno != EINTR) {
        if (errno == ENOSPC || errno == EDQUOT) fail_errno("writing");
        reflinks = false;
    }
    return false;
}

/* ---- The store: objects/<hash>, made under another name first, so that a name always stands for the whole ---- */

static bool has_base;

static void object_path(const char *hex, char path[HASH_HEX + 16]) { sprintf(path, "objects/%s", hex); }

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

/*
 * Sends what was written to the disk, without the flush of its caches: one fsync at the end, of whatever file, does that for all of them and
 * commits their names. Syncing each would take ten times as long, and syncing the file system waits for what others write to it.
 */
static void send_to_disk(int fd)
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
    new_objects += 1;
    stored_bytes += d->nonzero;
}

static int new_object(void)
{
    int fd = openat(STORE_FD, "object", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) fail_errno("storing");
    return fd;
}

/* Stores what a file holds, unless the store has it; tells its hash, size and bytes that are not zero. */
static void store_file(int fd, digest *d, char hex[HASH_HEX + 1])
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

/* ---- Files with several names: by inode while capturing ---- */

typedef struct {
    uint64_t inode, group;
} linked;
static linked *links;
static size_t link_slots, link_count;

static linked *find_link(uint64_t inode)
{
    if (link_count * 2 >= link_slots) {
        size_t slots = link_slots ? link_slots * 2 : 1024;
        linked *bigger = calloc(slots, sizeof *bigger);
        if (!bigger) fail("io", "out of memory");
        for (size_t i = 0; i < link_slots; i++) {
            if (links[i].group == 0) continue;
            size_t at = links[i].inode * 0x9e3779b97f4a7c15 % slots;
            while (bigger[at].group != 0) at = (at + 1) % slots;
            bigger[at] = links[i];
        }
        free(links);
        links = bigger;
        link_slots = slots;
    }
    size_t at = inode * 0x9e3779b97f4a7c15 % link_slots;
    while (links[at].group != 0 && links[at].inode != inode) at = (at + 1) % link_slots;
    return &links[at];
}

/* ---- The list ---- */

static FILE *list;

static void write_escaped(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p == '%' || *p >= 0x7f) fprintf(list, "%%%02x", *p);
        else putc(*p, list);
    }
}

/*
 * One line an entry, folders before what is in them; text is percent-escaped, so that it holds no space and no line's end:
 *   R MODE MTIME                                  the tree's own folder
 *   D DEPTH MODE MTIME NAME                       a folder
 *   F DEPTH MODE MTIME SIZE BYTES HASH GROUP NAME a file; GROUP is 0, or counts the files with several names
 *   H DEPTH GROUP NAME                            another name of that file
 *   L DEPTH MTIME TARGET NAME                     a symbolic link
 *   P DEPTH MODE MTIME NAME                       a named pipe
 */
static void write_entry(const char *head, const char *name)
{
    fputs(head, list);
    write_escaped(name);
    putc('\n', list);
    if (ferror(list)) fail_errno("writing the list");
    entries += 1;
    if (entries > max_entries) fail("too_many_entries", "there are more than %" PRIu64 " files and folders", max_entries);
}

static void capture_file(int dir, const char *name, int depth, const char *mtime)
{
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return; /* Changed meanwhile. */
    if (fd < 0) fail_errno("opening a file");
    struct stat st;
    if (fstat(fd, &st) != 0) fail_errno("opening a file");
    char head[256], hex[HASH_HEX + 1] = "";
    if (S_ISREG(st.st_mode)) {
        uint64_t group = 0;
        if (st.st_nlink > 1) {
            linked *found = find_link(st.st_ino);
            if (found->group != 0) {
                snprintf(head, sizeof head, "H %d %" PRIu64 " ", depth, found->group);
                write_entry(head, name);
                close(fd);
                return;
            }
            *found = (linked){st.st_ino, group = ++link_count};
        }
        digest d;
        store_file(fd, &d, hex);
        bytes += d.nonzero;
        snprintf(head, sizeof head, "F %d %o %s %" PRIu64 " %" PRIu64 " %s %" PRIu64 " ", depth, st.st_mode & KEPT_MODE,
                 mtime, d.size, d.nonzero, hex, group);
        write_entry(head, name);
    }
    close(fd);
}

static void capture_link(int dir, const char *name, int depth, const char *mtime)
{
    char target[4097];
    ssize_t size = readlinkat(dir, name, target, sizeof target - 1);
    if (size <= 0) return; /* Changed meanwhile. */
    target[size] = 0;
    fprintf(list, "L %d %s ", depth, mtime);
    write_escaped(target);
    write_entry(" ", name);
}

static void time_text(const struct stat *st, char text[48])
{
    snprintf(text, 48, "%" PRId64 ".%09ld", (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static void capture_folder(int fd, int depth, dev_t device)
{
    if (depth > MAX_DEPTH) fail("too_deep", "folders lie deeper than %d levels", MAX_DEPTH);
    DIR *dir = fdopendir(fd);
    if (!dir) fail_errno("opening a folder");
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) break;
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) continue; /* Removed meanwhile. */
        char mtime[48], head[128];
        time_text(&st, mtime);
        if (S_ISDIR(st.st_mode)) {
            int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (below < 0 && (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)) continue;
            if (below < 0) fail_errno("opening a folder");
            if (fstat(below, &st) != 0) fail_errno("opening a folder");
            if (st.st_dev != device) fail("io", "another file system is mounted in the workspace");
            snprintf(head, sizeof head, "D %d %o %s ", depth, st.st_mode & KEPT_MODE, mtime);
            write_entry(head, name);
            capture_folder(below, depth + 1, device);
        } else if (S_ISREG(st.st_mode)) {
            capture_file(fd, name, depth, mtime);
        } else if (S_ISLNK(st.st_mode)) {
            capture_link(fd, name, depth, mtime);
        } else if (S_ISFIFO(st.st_mode)) {
            snprintf(head, sizeof head, "P %d %o %s ", depth, st.st_mode & KEPT_MODE, mtime);
            write_entry(head, name);
        } else {
            /* A socket without the process that listens, or a device: nothing that could be brought back. */
            skipped += 1;
        }
    }
    if (errno != 0) fail_errno("reading a folder");
    closedir(dir);
}

static void capture(void)
{
    struct stat st;
    char mtime[48];
    list = fdopen(LIST_FD, "w");
    if (!list || fstat(TREE_FD, &st) != 0) fail_errno("opening");
    if (mkdirat(STORE_FD, "objects", 0700) != 0) fail_errno("storing");
    time_text(&st, mtime);
    fprintf(list, "R %o %s\n", st.st_mode & KEPT_MODE, mtime);
    capture_folder(TREE_FD, 0, st.st_dev);
    if (fflush(list) != 0) fail_errno("writing the list");
    /* Before anybody is told that it is kept, it is on the disk. */
    if (fsync(LIST_FD) != 0) fail_errno("writing the list");
    printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"storedBytes\":%" PRIu64 ",\"newObjects\":%" PRIu64
           ",\"skipped\":%" PRIu64 ",\"shared\":%s}\n",
           entries, bytes, stored_bytes, new_objects, skipped, reflinks ? "true" : "false");
}

/* ---- Restoring: the list was checked against its own hash, every file is checked against its ---- */

typedef struct {
    int fd;
    mode_t mode;
    struct timespec mtime;
} folder;
static folder open_folders[MAX_DEPTH + 2];
static int open_count;

static void close_folder(void)
{
    folder *top = &open_folders[--open_count];
    struct timespec times[2] = {top->mtime, top->mtime};
    if (fchmod(top->fd, top->mode) != 0 || futimens(top->fd, times) != 0) fail_errno("restoring a folder");
    close(top->fd);
}

static void unescape(char *text)
{
    char *to = text;
    for (char *from = text; *from; from++) {
        unsigned byte;
        if (*from != '%') *to++ = *from;
        else if (sscanf(from + 1, "%2x", &byte) == 1 && byte != 0) {
            *to++ = (char)byte;
            from += 2;
        } else fail("corrupt", "the list cannot be read");
    }
    *to = 0;
}

static char *word(char **rest)
{
    char *found = strsep(rest, " ");
    if (!found || !*found) fail("corrupt", "the list cannot be read");
    return found;
}

static char *name_of(char **rest)
{
    char *name = word(rest);
    if (*rest) fail("corrupt", "the list cannot be read");
    unescape(name);
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strlen(name) > NAME_MAX)
        fail("corrupt", "the list names a file that cannot be");
    return name;
}

static mode_t mode_of(char **rest) { return (mode_t)strtoul(word(rest), NULL, 8) & KEPT_MODE; }

static struct timespec time_of(char **rest)
{
    char *text = word(rest), *dot = strchr(text, '.');
    return (struct timespec){.tv_sec = strtoll(text, NULL, 10), .tv_nsec = dot ? strtol(dot + 1, NULL, 10) % 1000000000 : 0};
}

static void push_folder(int fd, mode_t mode, struct timespec mtime)
{
    if (open_count > MAX_DEPTH) fail("corrupt", "the list lies too deep");
    open_folders[open_count++] = (folder){fd, mode, mtime};
}

static void restore_file(int dir, char *rest)
{
    mode_t mode = mode_of(&rest);
    struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
    uint64_t size = strtoull(word(&rest), NULL, 10);
    word(&rest);
    char *hex = word(&rest), *group = word(&rest), *name = name_of(&rest), path[HASH_HEX + 16], found[HASH_HEX + 1];
    if (strlen(hex) != HASH_HEX || strspn(hex, "0123456789abcdef") != HASH_HEX) fail("corrupt", "the list cannot be read");
    object_path(hex, path);
    int from = openat(STORE_FD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno == ENOENT) fail("corrupt", "a file's content is missing");
    if (from < 0) fail_errno("opening what is kept");
    int to = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) fail_errno("restoring a file");
    digest d;
    if (clone_file(from, to)) read_file(to, -1, &d);
    else read_file(from, to, &d);
    digest_hex(&d, found);
    if (strcmp(found, hex) != 0 || d.size != size) fail("corrupt", "a file's content is not what was kept");
    bytes += d.nonzero;
    if (fchmod(to, mode) != 0 || futimens(to, times) != 0) fail_errno("restoring a file");
    if (strcmp(group, "0") != 0) {
        char other[64];
        snprintf(other, sizeof other, "links/%" PRIu64, (uint64_t)strtoull(group, NULL, 10));
        if (linkat(dir, name, TREE_FD, other, 0) != 0) fail_errno("restoring a file");
    }
    send_to_disk(to);
    close(from);
    close(to);
}

static void restore_entry(char kind, char *rest)
{
    int depth = atoi(word(&rest));
    if (depth < 0 || depth >= open_count) fail("corrupt", "the list cannot be read");
    while (open_count > depth + 1) close_folder();
    int dir = open_folders[depth].fd;
    if (kind == 'F') {
        restore_file(dir, rest);
    } else if (kind == 'D') {
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest);
        char *name = name_of(&rest);
        if (mkdirat(dir, name, 0700) != 0) fail_errno("restoring a folder");
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) fail_errno("restoring a folder");
        push_folder(fd, mode, mtime);
    } else if (kind == 'H') {
        char from[64];
        snprintf(from, sizeof from, "links/%" PRIu64, (uint64_t)strtoull(word(&rest), NULL, 10));
        if (linkat(TREE_FD, from, dir, name_of(&rest), 0) != 0) fail_errno("restoring a file");
    } else if (kind == 'L') {
        struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
        char *target = word(&rest), *name = name_of(&rest);
        unescape(target);
        if (symlinkat(target, dir, name) != 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("restoring a link");
    } else if (kind == 'P') {
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest), times[2] = {mtime, mtime};
        char *name = name_of(&rest);
        if (mkfifoat(dir, name, mode) != 0 || utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("restoring a pipe");
    } else fail("corrupt", "the list cannot be read");
}

static void remove_links(void)
{
    int fd = openat(TREE_FD, "links", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    if (!dir) fail_errno("restoring");
    while ((entry = readdir(dir)) != NULL) unlinkat(fd, entry->d_name, 0);
    closedir(dir);
    if (unlinkat(TREE_FD, "links", AT_REMOVEDIR) != 0) fail_errno("restoring");
}

static void restore(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    if (mkdirat(TREE_FD, "links", 0700) != 0 || mkdirat(TREE_FD, "tree", 0700) != 0) fail_errno("restoring");
    while ((length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] != '\n' || length < 4 || line[1] != ' ') fail("corrupt", "the list cannot be read");
        line[length - 1] = 0;
        char *rest = line + 2;
        if (line[0] != 'R') {
            restore_entry(line[0], rest);
            entries += 1;
            continue;
        }
        mode_t mode = mode_of(&rest);
        struct timespec mtime = time_of(&rest);
        int fd = openat(TREE_FD, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || open_count > 0) fail("corrupt", "the list cannot be read");
        push_folder(fd, mode, mtime);
    }
    if (open_count == 0) fail("corrupt", "the list is empty");
    while (open_count > 0) close_folder();
    remove_links();
    if (fsync(TREE_FD) != 0) fail_errno("writing");
    printf("{\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"shared\":%s}\n", entries, bytes, reflinks ? "true" : "false");
}

/* ---- Giving a tree to a uid ---- */

static void own_folder(int fd, int depth, uid_t uid, gid_t gid)
{
    if (depth > MAX_DEPTH) fail("too_deep", "folders lie deeper than %d levels", MAX_DEPTH);
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    if (!dir) fail_errno("opening a folder");
    while ((entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        struct stat st;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) fail_errno("reading a folder");
        if ((st.st_uid != uid || st.st_gid != gid) && fchownat(fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
            fail_errno("giving a file away");
        entries += 1;
        if (!S_ISDIR(st.st_mode)) continue;
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) fail_errno("opening a folder");
        own_folder(below, depth + 1, uid, gid);
    }
    closedir(dir);
}

/* ---- Confinement ---- */

static void write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (write(fd, text, strlen(text)) < 0) { /* Without it files that their owner may not read are refused later on. */
    }
    close(fd);
}

/*
 * Rights over files, and no others. An ordinary user gets them in a user namespace, over files of its own alone: the code in a sandbox
 * may well have taken its owner's right to read a file.
 */
static void confine(int jail)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < MAX_DEPTH * 2 + 64 ? files.rlim_max : MAX_DEPTH * 2 + 64;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_PDEATHSIG, 9);
    umask(0);
    if (uid != 0 && unshare(CLONE_NEWUSER) == 0) {
        write_proc("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "0 %u 1", uid);
        write_proc("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "0 %u 1", gid);
        write_proc("/proc/self/gid_map", map);
    }
    /* Where a namespace is refused the rest still holds: nothing below follows a path out of its folders. */
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) != 0) errno = 0;
    if (fchdir(jail) == 0 && chroot(".") != 0) errno = 0;
    uint32_t kept = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH | 1u << CAP_FOWNER | 1u << CAP_FSETID;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{kept, kept, 0}, {0, 0, 0}};
    if (syscall(SYS_capset, &header, data) != 0) errno = 0; /* There were none to give up. */
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "capture") == 0 && (argc == 4 || argc == 5)) {
        has_base = argc == 5;
        max_entries = strtoull(argv[2], NULL, 10);
        max_bytes = strtoull(argv[3], NULL, 10);
        confine(STORE_FD);
        capture();
    } else if (strcmp(verb, "restore") == 0 && argc == 2) {
        confine(STORE_FD);
        restore();
    } else if (strcmp(verb, "own") == 0 && argc == 4) {
        confine(TREE_FD);
        own_folder(TREE_FD, 0, (uid_t)strtoul(argv[2], NULL, 10), (gid_t)strtoul(argv[3], NULL, 10));
        printf("{\"entries\":%" PRIu64 "}\n", entries);
    } else fail("io", "unknown command");
    return fflush(stdout) == 0 ? 0 : 1;
}
