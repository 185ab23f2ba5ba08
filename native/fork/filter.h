/* What a QEMU that can be copied, and all copies of it, may not do. */
#pragma once

#pragma GCC visibility push(hidden)

/* From now on, and for all threads and copies to come. 0: it could not be set. */
int install_filter(void);

#pragma GCC visibility pop
