#include "folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "stage.h"

void remove_folder(void) {
  char path[4096 + sizeof OLD_ROOT];
  DIR *folder = run.folder_fd < 0 ? NULL : fdopendir(run.folder_fd);
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));)
    if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) unlinkat(run.folder_fd, entry->d_name, 0);
  snprintf(path, sizeof path, "%s%s", staged ? OLD_ROOT : "", run.folder_path);
  rmdir(path);
  closedir(folder);
}
