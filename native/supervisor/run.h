/* What one supervisor holds, from its options on. */
#pragma once

enum { MAX_LISTENERS = 4 };

struct run {
  int config_fd, status_fd, log_fd;       /* -1: none, or none any more */
  int folder_fd;                          /* the run folder, and its path on the host */
  char folder_path[4096];
  int children_fd;                        /* the kernel's list of our children */
  int listen_fds[MAX_LISTENERS], listen_count;
  int outlive;                            /* whether the sandbox goes on when the server is gone */
  int follows_heir;
  int keeper_fd;                          /* closes when the server lets go of what goes on for its copies; -1: it ends otherwise */
};
extern struct run run;
