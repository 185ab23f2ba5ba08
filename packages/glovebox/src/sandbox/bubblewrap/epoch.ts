import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const NAME = "epoch";
/** Of the connection that `create` makes. */
export const FIRST_EPOCH = 1n;

/**
 * The epoch for the next connection to a sandbox's agent: one more than any before, counted in its run folder, so that
 * a server that was thought dead cannot take a sandbox back.
 */
export async function nextEpoch(folder: string): Promise<bigint> {
  const next = (await lastEpoch(folder)) + 1n;
  await noteEpoch(folder, next);
  return next;
}

/** Notes the epoch of a connection that was made without asking for the next one: an agent from a snapshot comes with its own. */
export async function noteEpoch(folder: string, epoch: bigint): Promise<void> {
  const path = join(folder, NAME);
  const partial = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(partial, String(epoch), { mode: 0o600 });
  await rename(partial, path);
}

/** The epoch of the latest connection that any server made. */
export async function lastEpoch(folder: string): Promise<bigint> {
  const text = await readFile(join(folder, NAME), "utf8").catch(() => "");
  return /^\d{1,19}$/.test(text) ? BigInt(text) : FIRST_EPOCH;
}
