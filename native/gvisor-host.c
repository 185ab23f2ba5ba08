/*
 * gvisor-host: stands between a supervisor and runsc, one per gVisor sandbox, on the host's side.
 *
 * runsc gives a sandbox nothing but three descriptors, runs its parts as the user that starts it, and answers commands
 * on a socket that has a name but no lock. So this program
 *
 *   1. makes a user namespace of the sandbox's own three host uids (the root of runsc's parts, what the code in the sandbox
 *      appears as, and the user that runsc's kernel becomes), and a network namespace without a network, in which nobody
 *      else can reach runsc's socket. From then on it has no right over anything of the host;
 *   2. starts runsc with one end of a socket as the sandbox's descriptor 0, and passes every connection that is made to the
 *      inherited listening socket through it (SCM_RIGHTS). It reads no byte of them: the agent inside gets the connection;
 *   3. runs further runsc commands (pause, resume, checkpoint) for the server, in the same namespaces; after a checkpoint, which
 *      ends runsc, it starts the sandbox again from it, with the same socket;
 *   4. ends as runsc ends: with its exit code, 128 + the number of a signal.
 *
 *   gvisor-host --listen FD --commands FD --filter FD --uids ROOT CODE KERNEL --own DIR... -- runsc WORD... :: COMMAND...
 *   gvisor-host --gate PATH
 *
 * The second is what a restoring runsc runs (its prestart hook) when it has started itself and before it opens the checkpoint: it waits at the
 * server's socket there for one byte. The end of the connection, also by the server's death, means that nobody wants this sandbox: runsc ends.
 *
 * Started by root; leaves with its parent's death signal, which kills runsc, which kills its parts. `--own` gives a folder
 * to ROOT. After `--` come runsc and its global flags, after `::` the first command. A command of the server: u32 length,
 * then NUL-terminated words. The answer: what it printed, then its exit code as the last byte. After a word `::` may follow what
 * takes the ended sandbox's place when the command has succeeded: once the server says a byte after the answer, or is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/read-all.h"

enum { MAX_WORDS = 64, MAX_COMMAND = 16384, COMMAND_READ_MS = 2000, OPEN_WORD = 'g' };
/* Ids in the namespace. CODE is what programs see; runsc itself asks for the other two by these numbers. */
enum { ROOT_ID = 0, CODE_ID = 1000, KERNEL_ID = 65534 };

static int listen_fd = -1, commands_fd = -1, filter_fd = -1, channel = -1;
static const char *uids[3];
static char *words[MAX_WORDS + 1];
static int word_count;
static pid_t runsc;
/* The command that runs for the server, its connection, and what runs in the sandbox's place afterwards, if anything. */
static pid_t command_pid;
static int command_fd = -1;
static char command_text[MAX_COMMAND];
static char *next_words[MAX_WORDS];
static int next_count, holding;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "gvisor-host: %s: %s\n", what, strerror(errno));
    exit(127);
}

static void write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) fail(path);
    close(fd);
}

/* ---- 1. namespaces ---- */

/* Writing more than one's own id into a map needs a right over the namespace above, which who entered has no more. */
static void write_maps(pid_t pid) {
    char path[64], map[128];
    snprintf(map, sizeof map, "%d %s 1\n%d %s 1\n%d %s 1\n", ROOT_ID, uids[0], CODE_ID, uids[1], KERNEL_ID, uids[2]);
    snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
    write_text(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
    write_text(path, map);
}

static void enter_namespaces(void) {
    int entered[2], status;
    char byte = 0;
    pid_t own = getpid();
    if (pipe2(entered, O_CLOEXEC) < 0) fail("pipe");
    pid_t helper = fork();
    if (helper < 0) fail("fork");
    if (helper == 0) {
        close(entered[1]);
        if (read(entered[0], &byte, 1) != 1) _exit(1);
        write_maps(own);
        _exit(0);
    }
    if (setgroups(0, NULL) < 0) fail("setgroups");
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) < 0) fail("unshare");
    if (write(entered[1], &byte, 1) != 1) fail("pipe");
    if (waitpid(helper, &status, 0) != helper || status != 0) {
        errno = EPERM;
        fail("uid_map");
    }
    close(entered[0]);
    close(entered[1]);
    if (setresgid(ROOT_ID, ROOT_ID, ROOT_ID) < 0 || setresuid(ROOT_ID, ROOT_ID, ROOT_ID) < 0) fail("setresuid");
}

/* ---- 2. runsc ---- */

static pid_t start(char **more, int count, const int stdio[3]) {
    char *argv[2 * MAX_WORDS + 1];
    char *env[] = {"PATH=/usr/bin:/bin", "GOMAXPROCS=2", NULL};
    int used = 0;
    for (int i = 0; i < word_count; i++) argv[used++] = words[i];
    for (int i = 0; i < count; i++) argv[used++] = more[i];
    argv[used] = NULL;
    pid_t own = getpid(), child = fork();
    if (child != 0) return child;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != own) _exit(127);
    for (int i = 0; i < 3; i++)
        if (stdio[i] != i && dup2(stdio[i], i) < 0) _exit(127);
    for (int i = 0; i < 3; i++) fcntl(i, F_SETFD, 0);
    execve(argv[0], argv, env);
    dprintf(2, "exec %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* One byte goes along, because a message without any is the end. */
static void pass_on(int connection) {
    char byte = 'c', control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &connection, sizeof connection);
    /* An agent that leaves its queue full gets no more of them: who connected is refused. */
    sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(connection);
}

/* ---- 3. commands ---- */

static void take_command(int fd) {
    char *more[MAX_WORDS];
    int count = 0, sound, *into = &count;
    uint32_t length;
    struct timeval patience = {COMMAND_READ_MS / 1000, 0};
    if (command_pid > 0 || holding) {
        close(fd);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sound = read_all(fd, &length, sizeof length) && length > 0 && length <= sizeof command_text &&
            read_all(fd, command_text, length) && command_text[length - 1] == 0;
    next_count = 0;
    for (char *at = command_text; sound && at < command_text + length; at += strlen(at) + 1) {
        if (!strcmp(at, "::")) into = &next_count;
        else if (*into == MAX_WORDS) sound = 0;
        else (into == &count ? more : next_words)[(*into)++] = at;
    }
    int null = sound ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    pid_t pid = null < 0 ? -1 : start(more, count, (const int[3]){null, fd, fd});
    if (null >= 0) close(null);
    if (pid < 0) {
        close(fd);
        return;
    }
    command_pid = pid;
    command_fd = fd;
}

/* With a socket of its own: that of an ended sandbox was shut down by it. */
static void start_sandbox(char **more, int count) {
    int ends[2];
    /* Messages, so that one connection is one of them. */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) fail("socketpair");
    runsc = start(more, count, (const int[3]){ends[1], filter_fd, 2});
    if (runsc < 0) fail("fork");
    if (channel >= 0) close(channel);
    channel = ends[0];
    close(ends[1]);
}

/* Called when the command has ended, and once more when the sandbox has, if something is to take its place. */
static void end_command(int code, int sandbox_ended) {
    unsigned char byte = (unsigned char)code;
    int replaced = code == 0 && next_count > 0;
    if (replaced && !sandbox_ended) return;
    send(command_fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    command_pid = 0;
    holding = replaced;
    if (holding) return;
    close(command_fd);
    command_fd = -1;
}

/* What the server wanted to do while nothing ran is done; or it died over it, and the sandbox goes on without it. */
static void replace_sandbox(void) {
    char byte;
    holding = 0;
    (void)!read(command_fd, &byte, 1);
    close(command_fd);
    command_fd = -1;
    start_sandbox(next_words, next_count);
}

/* ---- 4. until it ends ---- */

static int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

static int watch(int signals) {
    struct pollfd polled[4] = {{.fd = signals, .events = POLLIN}, {.fd = listen_fd, .events = POLLIN},
                               {.fd = commands_fd, .events = POLLIN}, {.events = POLLIN}};
    int command_code = -1, end = 0;
    /* A checkpoint ends the sandbox before it ends itself, and wants to say how it went. */
    while (runsc > 0 || command_pid > 0 || holding) {
        /* Who connects while there is no sandbox waits for the next one. */
        polled[1].fd = runsc > 0 ? listen_fd : -1;
        polled[3].fd = holding ? command_fd : -1;
        if (poll(polled, 4, -1) < 0 && errno != EINTR) fail("poll");
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        }
        int status;
        for (pid_t got; (got = waitpid(-1, &status, WNOHANG)) > 0;) {
            if (got == runsc) {
                runsc = 0;
                end = status;
            } else if (got != command_pid) continue;
            else command_code = code_of(status);
            if (command_pid > 0 && command_code >= 0) end_command(command_code, runsc == 0);
            if (command_pid == 0) command_code = -1;
        }
        if (polled[3].fd >= 0 && polled[3].revents) replace_sandbox();
        if (polled[1].fd >= 0 && polled[1].revents) {
            int connection = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
            if (connection >= 0) pass_on(connection);
        }
        if (polled[2].revents) {
            int connection = accept4(commands_fd, NULL, NULL, SOCK_CLOEXEC);
            if (connection >= 0) take_command(connection);
        }
    }
    return end;
}

static int block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void give_to_root(const char *folder) {
    uid_t uid = (uid_t)strtoul(uids[0], NULL, 10);
    if (lchown(folder, uid, uid) < 0) fail(folder);
}

static int options(char **at) {
    char **from = at;
    for (; *at && strcmp(*at, "--"); at++) {
        errno = EINVAL;
        if (!at[1]) fail(*at);
        if (!strcmp(*at, "--listen")) listen_fd = atoi(*++at);
        else if (!strcmp(*at, "--commands")) commands_fd = atoi(*++at);
        else if (!strcmp(*at, "--filter")) filter_fd = atoi(*++at);
        else if (!strcmp(*at, "--own")) give_to_root(*++at);
        else if (!strcmp(*at, "--uids")) {
            for (int i = 0; i < 3; i++)
                if (!(uids[i] = *++at)) fail("--uids");
        } else fail(*at);
    }
    return (int)(at - from);
}

/* ---- at the gate ---- */

static int wait_at_gate(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char word = 0;
    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof address.sun_path) fail(path);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) fail(path);
    return read_all(fd, &word, 1) && word == OPEN_WORD ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "--gate")) return wait_at_gate(argv[2]);
    pid_t parent = getppid();
    char **at = argv + 1;
    at += options(at);
    errno = EINVAL;
    if (!*at || listen_fd < 0 || commands_fd < 0 || filter_fd < 0 || !uids[0]) fail("usage");
    for (at++; *at && strcmp(*at, "::"); at++) {
        if (word_count == MAX_WORDS) fail("words");
        words[word_count++] = *at;
    }
    if (!*at || word_count == 0) fail("usage");
    char **first = ++at;
    int count = 0;
    while (first[count]) count++;
    if (count > MAX_WORDS) fail("words");
    int own[] = {listen_fd, commands_fd, filter_fd};
    for (int i = 0; i < 3; i++)
        if (fcntl(own[i], F_SETFD, FD_CLOEXEC) < 0) fail("descriptors");
    int signals = block_signals();
    enter_namespaces();
    /* The supervisor's death signal went with the change of uid. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent) fail("parent");
    start_sandbox(first, count);
    return code_of(watch(signals));
}
