import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const TIMEOUT_MS = 60_000;

/** Downloads a package's archive into `folder` with the ordinary npm client (its registry, proxy and cache settings hold). Gives the file. */
export async function npmPack(spec: string, folder: string, signal?: AbortSignal): Promise<string> {
  const beside = join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
  const [program, ...first] = existsSync(beside) ? [process.execPath, beside] : ["npm"];
  const args = [...first, "pack", spec, "--silent", "--ignore-scripts", "--pack-destination", folder];
  await run(program ?? "npm", args, { cwd: folder, timeout: TIMEOUT_MS, ...(signal !== undefined && { signal }) });
  const archive = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error(`npm packed no archive for ${spec}`);
  return join(folder, archive);
}
