/* `own`: gives a tree to a uid. */
#pragma once

#include <sys/types.h>

/* Gives away all that is in a folder, which is closed after that. */
void own_folder(int fd, int depth, uid_t uid, gid_t gid);
