/* The loop. */
#pragma once

/* Serves the host and the processes until the agent ends. */
_Noreturn void loop(void);
