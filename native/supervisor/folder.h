/* The run folder. */
#pragma once

/* Removes the run folder with all that lies in it: nobody asked for this supervisor, and the server may be gone. */
void remove_folder(void);
