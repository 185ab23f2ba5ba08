/* Disks in files with holes. */
#pragma once

/* Copies one to a new file of a folder, shared with the original until one changes, where the file system can; else what is not a hole. Fails, or returns it opened. */
int copy_disk(const char *source, int folder, const char *name);
