import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import type { CiRun, CiStart, Glovebox } from "@glovebox/sdk";
import { pack } from "tar-stream";

export const WORKFLOW = ".github/workflows/test.yml";

/** Files as an uncompressed tar. */
export function tarOf(files: Readonly<Record<string, string>>): ReadableStream<Uint8Array> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  return Readable.toWeb(Readable.from(tar)) as ReadableStream<Uint8Array>;
}

/** Starts the one workflow of a checkout with these files, or with one workflow of this text. */
export async function startWorkflow(
  box: Glovebox,
  given: string | Readonly<Record<string, string>>,
  more: Partial<CiStart> = {},
): Promise<CiRun> {
  const { id } = await box.ci.upload(tarOf(typeof given === "string" ? { [WORKFLOW]: given } : given));
  const { items } = await box.ci.start({ source: { kind: "archive", id }, event: { name: "push" }, ...more });
  const [run] = items;
  if (run === undefined) throw new Error("the event started nothing");
  return run;
}

/** Waits until a run is so. */
export async function until(box: Glovebox, id: string, is: (run: CiRun) => boolean): Promise<CiRun> {
  for await (const run of box.ci.follow(id, { signal: AbortSignal.timeout(120_000) })) if (is(run)) return run;
  throw new Error(`run ${id} is completed and never was so`);
}

/** All that a run's steps printed. */
export async function logOf(box: Glovebox, id: string, job?: string): Promise<string> {
  let text = "";
  for await (const line of box.ci.logs(id, { job })) text += line.text;
  return text;
}

/** A folder with these files; gone when it is disposed of. */
export async function folderOf(
  files: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "glovebox-ci-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
