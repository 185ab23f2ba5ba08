import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const MAX_LINES = 1000;

/** Where the lines that were typed are kept: readable by their typist only. */
export function historyFile(env: NodeJS.ProcessEnv = process.env): string {
  const state = env.XDG_STATE_HOME || join(homedir(), ".local", "state");
  return join(state, "glovebox", "repl-history");
}

/** Newest first, as the line editor wants them. */
export function readHistory(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean).slice(-MAX_LINES).reverse();
  } catch {
    return []; // none yet
  }
}

/** Takes them newest first. A history that cannot be written is no reason to fail. */
export function writeHistory(path: string, newestFirst: readonly string[]): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const lines = newestFirst.slice(0, MAX_LINES).reverse();
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""), { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch {
    // a read-only home folder, a full disk
  }
}
