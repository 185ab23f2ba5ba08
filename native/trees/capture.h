/* `capture`: keeps a tree. */
#pragma once

/* Stores what the tree's files hold, writes its list, and prints the counts. */
void capture(void);
