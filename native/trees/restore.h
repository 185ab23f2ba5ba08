/* `restore`: the list was checked against its own hash, every file is checked against its. */
#pragma once

/* Makes the tree of the list on stdin, and prints the counts. */
void restore(void);
