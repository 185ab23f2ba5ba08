/* The root as user code sees it, at /new. */
#pragma once

/* The uid and gid of user code. */
enum { USER = 1000 };

/* Makes it; the sizes are as a tmpfs takes them. */
void make_root(const char *tmp_size, const char *shm_size, int network);
