# Runs before each attempt. An attempt prints ESCAPED with what it got, or ends quietly.
import ctypes, errno, glob, os, platform, signal, socket, stat, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
X86 = platform.machine() == "x86_64"

# Numbers from the kernel's unistd tables: (x86-64, generic as on arm64).
NUMBERS = {
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    "clone": (56, 220), "clone3": (435, 435), "ptrace": (101, 117), "process_vm_readv": (310, 270), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241), "io_uring_setup": (425, 425), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104), "reboot": (169, 142), "swapon": (167, 224),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "sethostname": (170, 161), "setdomainname": (171, 162), "mknod": (133, None),
    "mknodat": (259, 33), "userfaultfd": (323, 282), "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fsopen": (430, 430),
    "open_tree": (428, 428), "move_mount": (429, 429), "mount_setattr": (442, 442), "quotactl": (179, 60), "acct": (163, 89), "syslog": (103, 116),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "vhangup": (153, 58), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "personality": (135, 92), "setuid": (105, 146), "fanotify_init": (300, 262), "lookup_dcookie": (212, 18), "nfsservctl": (180, 42),
}


def call(name, *args):
    """The system call itself, past libc. Returns (result, errno); a number that the machine lacks counts as refused."""
    number = NUMBERS[name][0 if X86 else 1]
    if number is None:
        return -1, errno.ENOSYS
    ctypes.set_errno(0)
    result = libc.syscall(number, *args)
    return result, ctypes.get_errno()


def refused(name, *args):
    result, error = call(name, *args)
    if result != -1 or error not in (errno.EPERM, errno.EACCES, errno.ENOSYS):
        print("ESCAPED", name, result, errno.errorcode.get(error, error))


def in_child(work):
    """Some attempts are killed for trying: the child's end is as good as a refusal."""
    pid = os.fork()
    if pid == 0:
        work()
        sys.stdout.flush()
        os._exit(0)
    return os.waitpid(pid, 0)[1]
