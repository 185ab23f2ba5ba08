"""New random state for the modules of a process that is a copy of another; the kernel's own was renewed before."""
import os


def renew(name, module):
    if name == "ssl":
        module.RAND_add(os.urandom(48), 48.0)
    else:
        module.seed()
