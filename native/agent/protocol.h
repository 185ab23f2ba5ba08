/* The words and numbers of docs/reference/agent-protocol.md. */
#pragma once

enum {
    VERSION = 1,
    HEADER = 12,
    MAX_PAYLOAD = 262144,
    MAX_CHUNK = 65536,          /* data bytes in one DATA frame */
    INPUT_WINDOW = 65536,       /* unacknowledged input per stream */
    DEFAULT_WINDOW = 262144,
    MIN_WINDOW = 4096,
    MAX_WINDOW = 1 << 22,
    MAX_TAG = 512,
    MAX_PROCS = 1024,
    MAX_FORWARDED = 256,        /* forwarded connections at the same time; others wait in the kernel's queue */
    LINK_WINDOW = 32768,        /* unacknowledged bytes of a forwarded connection, each way */
    LINK_STREAM = 4,            /* the stream number of forwarded connections */
    KEY_BYTES = 16,             /* of the key that begins a connection over a serial line, and of the word that answers it */
};

enum frame_type {
    HELLO = 1, HELLO_OK, PROC, READY, ERROR, ATTACH,
    SPAWN = 16, SPAWNED, SPAWN_FAILED, DATA, END, ACK, SIGNAL, SIGNALLED, LIMIT, RESIZE, FORGET, STATS, STATS_OK, WATCH,
    QUIESCE, QUIESCED, RESUME, CLOCK, PING, PONG, POWEROFF, NOTICE, EXIT,
    LISTEN, LISTENING, OPENED, CLOSED, TAG, RENEW,
};

enum { CAP_BUILTINS = 1, CAP_TERMINAL = 2, CAP_LIMITS = 4, CAP_WATCH = 8, CAP_FORWARD = 16, CAP_TAG = 32, CAP_RENEW = 64 };
enum spawn_flag { SPAWN_TERMINAL = 1, SPAWN_CONTROL = 2, SPAWN_NO_STDIN = 4, SPAWN_BUILTIN = 8, SPAWN_OWN = 16 };
enum limit_kind { NONE, WALL, CPU, MEMORY, DISK, PIDS };
enum scope { ROOT, GROUP, TREE, DESCENDANTS };
enum notice_action { INTERRUPTED = 1, KILLED = 2 };
