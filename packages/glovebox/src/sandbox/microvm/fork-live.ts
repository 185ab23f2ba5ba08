import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import type { ForkReport } from "../snapshot.ts";
import type { LiveProcess } from "./origin.ts";
import type { Qmp } from "./qmp.ts";
import type { LiveImage } from "./sandbox.ts";

export type LiveOrigin = { readonly kind: "live"; readonly image: LiveImage } | LiveProcess;

export interface ForkJob {
  readonly specs: readonly SandboxSpec[];
  readonly begin: (origin: LiveOrigin, spec: SandboxSpec) => Promise<Sandbox>;
}

/** Forks a machine by copying its process, which stands still until the last copy has been made. None is left when one fails. */
export async function forkProcess(
  source: Omit<LiveProcess, "kind" | "onStarted">,
  { specs, begin }: ForkJob,
  ask: (work: (qmp: Qmp) => Promise<unknown>) => Promise<unknown>,
  isPaused: boolean,
): Promise<ForkReport<Sandbox>> {
  const since = performance.now();
  if (!isPaused) await ask((qmp) => qmp.run("stop"));
  let silentMs: number;
  let begun: Promise<PromiseSettledResult<Sandbox>[]>;
  try {
    const done = specs.map(() => Promise.withResolvers<void>());
    begun = Promise.allSettled(
      specs.map((spec, at) => {
        const onStarted = () => done[at]?.resolve();
        return begin({ kind: "process", ...source, onStarted }, spec).finally(onStarted);
      }),
    );
    await Promise.all(done.map(({ promise }) => promise));
  } finally {
    if (!isPaused) await ask((qmp) => qmp.run("cont"));
    silentMs = performance.now() - since;
  }
  return { sandboxes: await allOrNone(await begun), path: "shared", silentMs };
}

/** Forks a machine by an image of it in a folder of its own. */
export async function forkImage(
  folder: string,
  { specs, begin }: ForkJob,
  save: (dir: string) => Promise<{ readonly image: LiveImage; readonly silentMs: number }>,
): Promise<ForkReport<Sandbox>> {
  const dir = join(folder, "fork");
  await mkdir(dir, { mode: 0o700 });
  try {
    const { image, silentMs } = await save(dir);
    const begun = await Promise.allSettled(specs.map((spec) => begin({ kind: "live", image }, spec)));
    return { sandboxes: await allOrNone(begun), path: image.memoryApart ? "shared" : "copied", silentMs };
  } finally {
    // Who began from it has its files open.
    await rm(dir, { recursive: true, force: true });
  }
}

async function allOrNone(begun: readonly PromiseSettledResult<Sandbox>[]): Promise<Sandbox[]> {
  const made = begun.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failed = begun.find((outcome) => outcome.status === "rejected");
  if (!failed) return made;
  await Promise.all(made.map((sandbox) => sandbox.destroy()));
  throw failed.reason;
}
