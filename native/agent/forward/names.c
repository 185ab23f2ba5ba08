#include "names.h"

#include <ctype.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "doors.h"

enum {
    MAX_QUESTIONS = 32,         /* DNS messages answered in one turn */
    MAX_NAME = 253,
    NAMES = 4096,               /* names whose addresses are remembered */
    NAME_ADDRESSES = 31 * NAMES,
    NAME_TTL_S = 30,
};
static const uint32_t FIRST_NAME_ADDRESS = UINT32_C(0xc6120100);    /* 198.18.1.0, of 198.18.0.0/15 */

static struct { uint32_t index; uint8_t length; char text[MAX_NAME]; } names[NAMES];
static uint32_t name_hashes[NAMES];     /* apart, so that looking through all of them is quick */
static uint32_t names_given;    /* modulo NAME_ADDRESSES, of which NAMES is a divisor */

static uint32_t address_of_name(const char *text, size_t length) {
    uint32_t hash = 2166136261u, slot = names_given % NAMES;
    for (size_t i = 0; i < length; i++) hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    for (uint32_t i = 0; i < NAMES; i++)
        if (name_hashes[i] == hash && names[i].length == length && memcmp(names[i].text, text, length) == 0)
            return FIRST_NAME_ADDRESS + names[i].index;
    name_hashes[slot] = hash;
    names[slot].index = names_given;
    names[slot].length = (uint8_t)length;
    memcpy(names[slot].text, text, length);
    names_given = (names_given + 1) % NAME_ADDRESSES;
    return FIRST_NAME_ADDRESS + names[slot].index;
}

const char *name_of_address(uint32_t address, size_t *length) {
    uint32_t index = address - FIRST_NAME_ADDRESS;
    int slot = (int)(index % NAMES);
    if (index >= NAME_ADDRESSES || names[slot].length == 0 || names[slot].index != index) return NULL;
    *length = names[slot].length;
    return names[slot].text;
}

enum { DNS_HEADER = 12, DNS_MAX = 512, DNS_FORMERR = 1, DNS_NOTIMP = 4, DNS_A = 1, DNS_AAAA = 28, DNS_IN = 1 };

static uint16_t net16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

/* The name at the start of a question, in lower case. Returns its length on the wire, or 0 when it is not a host's name. */
static size_t parse_name(const uint8_t *p, size_t n, char text[MAX_NAME], size_t *length) {
    size_t at = 0;
    *length = 0;
    while (at < n && p[at] != 0) {
        size_t label = p[at++];
        if (label > 63 || label > n - at || *length + (*length > 0) + label > MAX_NAME) return 0;
        if (*length > 0) text[(*length)++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            if (!isalnum(p[at]) && p[at] != '-' && p[at] != '_') return 0;
            text[(*length)++] = (char)tolower(p[at]);
        }
    }
    return at < n && *length > 0 ? at + 1 : 0;
}

static bool is_localhost(const char *text, size_t n) {
    static const char word[] = "localhost";
    size_t size = sizeof word - 1;
    return n >= size && memcmp(text + n - size, word, size) == 0 && (n == size || text[n - size - 1] == '.');
}

/* Turns a question into its answer, in place. Returns its length; 0: there is none. */
static size_t answer_question(uint8_t m[DNS_MAX], size_t n) {
    char text[MAX_NAME];
    size_t length = 0;
    if (n < DNS_HEADER || m[2] & 0x80) return 0;
    uint8_t error = m[2] & 0x78 ? DNS_NOTIMP : 0;
    bool one = net16(m + 4) == 1 && net16(m + 6) == 0 && net16(m + 8) == 0 && net16(m + 10) <= 1;
    size_t wire = error || !one ? 0 : parse_name(m + DNS_HEADER, n - DNS_HEADER, text, &length);
    if (!error && (wire == 0 || n - DNS_HEADER - wire < 4)) error = DNS_FORMERR;
    const uint8_t *kind = m + DNS_HEADER + wire;
    if (!error && net16(kind + 2) != DNS_IN) error = DNS_NOTIMP;
    if (!error && net16(kind) != DNS_A && net16(kind) != DNS_AAAA) error = DNS_NOTIMP;
    bool address = !error && net16(kind) == DNS_A;
    m[2] = (uint8_t)(0x80 | (m[2] & 0x79));
    m[3] = 0x80 | error;
    memset(m + 4, 0, 8);
    if (error) return DNS_HEADER;
    m[5] = 1;
    n = DNS_HEADER + wire + 4;
    if (!address) return n;
    uint32_t found = is_localhost(text, length) ? INADDR_LOOPBACK : address_of_name(text, length);
    const uint8_t answer[16] = {0xc0, DNS_HEADER, 0, DNS_A, 0, DNS_IN, 0, 0, 0, NAME_TTL_S, 0, 4,
        (uint8_t)(found >> 24), (uint8_t)(found >> 16), (uint8_t)(found >> 8), (uint8_t)found};
    m[7] = 1;
    memcpy(m + n, answer, sizeof answer);   /* the longest question takes 271 bytes */
    return n + sizeof answer;
}

void answer_questions(void) {
    for (int i = 0; i < MAX_QUESTIONS; i++) {
        uint8_t m[DNS_MAX + 1];
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(forward.names_fd, m, sizeof m, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (n < 0) return;
        size_t length = n > DNS_MAX ? 0 : answer_question(m, (size_t)n);
        if (length > 0) sendto(forward.names_fd, m, length, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&from, size);
    }
}
