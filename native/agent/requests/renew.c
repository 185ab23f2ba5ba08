#include "renew.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "../basics.h"
#include "../host/conversation.h"
#include "../host/outbox.h"
#include "../host/serial.h"
#include "../protocol.h"
#include "../settings.h"

enum { MAX_HOST_NAME = 63 };

static void set_clock(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    clock_settime(CLOCK_REALTIME, &t);
}

/* Mixes 32 bytes of the host's into the kernel's random state, and has it draw on them at once. */
static void stir(const uint8_t seed[32]) {
    uint8_t pool[8 + 32];       /* struct rand_pool_info: bits, bytes, the bytes */
    memcpy(pool, &(int[]){256, 32}, 8);
    memcpy(pool + 8, seed, 32);
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (ioctl(fd, RNDADDENTROPY, pool) != 0 && write(fd, seed, 32) < 0) errno = 0;   /* as far as we may */
    ioctl(fd, RNDRESEEDCRNG);
    close(fd);
}

bool on_clock(const uint8_t *payload, uint32_t n) {
    if (n != 40) return false;
    set_clock(get64(payload));
    stir(payload + 8);
    return true;
}

static void write_name(const char *file, const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", settings.renew_dir, file);
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0) errno = 0;    /* a tmpfs of ours: it has room */
    close_fd(&fd);
}

static bool is_host_name(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-') return false;
    return n > 0 && n <= MAX_HOST_NAME;
}

/* The host keeps the first byte of a key out of the rest of it, so that a search that fails in the middle can go on there. */
static bool is_key(const uint8_t *key) { return memchr(key + 1, key[0], KEY_BYTES - 1) == NULL; }

bool on_renew(const uint8_t *payload, uint32_t n) {
    const uint32_t fixed = 8 + 32 + KEY_BYTES;
    char name[MAX_HOST_NAME + 1] = "", text[2 * MAX_HOST_NAME + 64];
    uint8_t id[16];
    if (!settings.renew_dir || n <= fixed || !is_host_name((const char *)payload + fixed, n - fixed) || !is_key(payload + 40)) return false;
    memcpy(name, payload + fixed, n - fixed);
    set_clock(get64(payload));
    stir(payload + 8);
    memcpy(serial.key, payload + 40, KEY_BYTES);
    if (getrandom(&talk.boot_id, sizeof talk.boot_id, 0) != sizeof talk.boot_id || getrandom(id, sizeof id, 0) != sizeof id) return false;
    sethostname(name, strlen(name));
    snprintf(text, sizeof text, "127.0.0.1 localhost %s\n::1 localhost %s\n", name, name);
    write_name("hosts", text);
    snprintf(text, sizeof text, "%s\n", name);
    write_name("hostname", text);
    snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", id[0], id[1], id[2], id[3], id[4], id[5],
             id[6] & 15, id[7], (id[8] & 63) | 128, id[9], id[10], id[11], id[12], id[13], id[14], id[15]);
    write_name("boot_id", text);
    send_frame(PONG, 0, 0, &(struct payload){.len = 8});
    return true;
}
