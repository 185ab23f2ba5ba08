import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GloveboxError } from "../../core/index.ts";
import { nameOfOwner, ownerAlive } from "./owner.ts";

const LOOK_MS = 200;

export interface LockOptions {
  readonly signal?: AbortSignal;
  /** Called once, when another has it. */
  readonly onWait?: (owner: string) => void;
}

/**
 * Holds `<folder>/<name>` against every process of this host until disposed of. Each contender first puts up a flag of its own, which carries its
 * identity, and then looks for others': of two, one sees the other. A dead process's flag counts for nothing and is taken down by whoever sees it,
 * which is safe because no other ever gets its name. Errors: `cancelled`.
 */
export async function takeLock(folder: string, name: string, options: LockOptions = {}): Promise<AsyncDisposable> {
  const { signal, onWait } = options;
  const dir = join(folder, name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const own = `${nameOfOwner()}-${randomBytes(6).toString("hex")}`;
  const lower = () => rm(join(dir, own), { force: true });
  for (let told = false; ; ) {
    if (signal?.aborted) throw new GloveboxError("cancelled", `waiting for image '${name}' was cancelled`);
    let holder = await otherThan(own, dir);
    if (holder === undefined) {
      await writeFile(join(dir, own), "", { flag: "wx" });
      try {
        holder = await otherThan(own, dir);
      } catch (error) {
        await lower();
        throw error;
      }
      if (holder === undefined) return { [Symbol.asyncDispose]: lower };
      await lower();
    } else if (!told) {
      told = true;
      onWait?.(holder);
    }
    // Not in step with another that saw ours.
    await sleep(LOOK_MS * (0.5 + Math.random()), undefined, signal && { signal }).catch(() => undefined);
  }
}

async function otherThan(own: string, dir: string): Promise<string | undefined> {
  for (const flag of await readdir(dir)) {
    if (flag === own) continue;
    if (ownerAlive(flag)) return flag;
    await rm(join(dir, flag), { force: true });
  }
  return undefined;
}
