/** How the driver's process ended, as its supervisor saw it. */
export type SupervisorEnd =
  | { readonly kind: "exit"; readonly code: number; readonly atMs?: number }
  | { readonly kind: "signal"; readonly number: number; readonly atMs?: number };

/** What a supervisor wrote down: see the head of `native/supervisor/main.c`. */
export interface SupervisorStatus {
  readonly supervisor?: { readonly pid: number; readonly startTime: number };
  readonly started?: { readonly pid: number; readonly atMs: number };
  readonly end?: SupervisorEnd;
}

/** Parses a status file. A last line without its newline was cut off by a crash and does not count. */
export function parseStatus(text: string): SupervisorStatus {
  const status: { -readonly [K in keyof SupervisorStatus]: SupervisorStatus[K] } = {};
  for (const line of text.split("\n").slice(0, -1)) {
    const [word, first, second] = line.split(" ");
    const a = Number(first);
    const b = Number(second);
    if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b)) continue;
    if (word === "supervisor") status.supervisor = { pid: a, startTime: b };
    else if (word === "started") status.started = { pid: a, atMs: b };
    else if (word === "exit") status.end = { kind: "exit", code: a, atMs: b };
    else if (word === "signal") status.end = { kind: "signal", number: a, atMs: b };
  }
  return status;
}
