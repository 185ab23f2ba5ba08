/**
 * Of hooks that have code parsed: longer than one text may take in a thread, since it may have to wait for one. When it is over, the
 * thread is ended.
 */
export const READING_TIMEOUT_MS = 30_000;
