import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Where a server's data folder says that it runs, for the commands on the same machine. Readable by its owner only. */
export interface ServerFile {
  readonly url: string;
  readonly pid: number;
  readonly token?: string;
}

const NAME = "server.json";

/**
 * The data folder that commands look into: `--data`, `GLOVEBOX_DATA`, what the configuration file names, else the one in the home
 * folder: the same as `up` takes, found without loading the parser of the configuration, which would cost `run` 60 ms.
 */
export function dataDirOf(flag: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  if (flag !== undefined) return flag;
  if (env.GLOVEBOX_DATA) return env.GLOVEBOX_DATA;
  const configured = configuredDataDir(env.GLOVEBOX_CONFIG || "glovebox.yaml");
  if (configured !== undefined) return configured;
  return join(env.XDG_DATA_HOME || join(homedir(), ".local", "share"), "glovebox");
}

function configuredDataDir(file: string): string | undefined {
  try {
    const line = /^dataDir:[ \t]+(.+?)[ \t]*$/m.exec(readFileSync(file, "utf8"))?.[1];
    return line?.replace(/^(["'])(.*)\1$/, "$2");
  } catch {
    return undefined; // there is none
  }
}

export function writeServerFile(dataDir: string, file: ServerFile): void {
  const path = join(dataDir, NAME);
  // Made anew each time: an old file's mode would stay otherwise.
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(file)}\n`, { mode: 0o600, flag: "wx" });
}

/** Removes the file if it is still this process's. */
export function removeServerFile(dataDir: string, pid: number = process.pid): void {
  if (read(dataDir)?.pid === pid) rmSync(join(dataDir, NAME), { force: true });
}

/** The server that runs on this data folder, as far as its file and its process tell. */
export function readServerFile(dataDir: string): ServerFile | undefined {
  const file = read(dataDir);
  return file !== undefined && isAlive(file.pid) ? file : undefined;
}

function read(dataDir: string): ServerFile | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(dataDir, NAME), "utf8"));
    if (typeof value !== "object" || value === null) return undefined;
    const { url, pid, token } = value as Record<string, unknown>;
    if (typeof url !== "string" || typeof pid !== "number" || !Number.isSafeInteger(pid) || pid < 1) return undefined;
    return typeof token === "string" ? { url, pid, token } : { url, pid };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
