import { posix } from "node:path";
import { Minimatch } from "minimatch";
import { GloveboxError } from "../../../core/index.ts";
import { LAYOUT } from "../../runner/layout.ts";
import type { StepRun } from "../../runner/step-run.ts";
import type { JobStorage } from "../../toolkit/job-storage.ts";
import type { BuiltInAction } from "../built-in.ts";
import { archived, pick } from "./archive.ts";
import { isTrue, linesOf } from "./script.ts";

/** `actions/upload-artifact`: files of the workspace, kept for the run's other jobs and for people. */
export const uploadArtifact: BuiltInAction = {
  inputs: {
    name: { default: "artifact" },
    path: {},
    "if-no-files-found": { default: "warn" },
    "retention-days": {},
    "compression-level": {},
    overwrite: { default: "false" },
    "include-hidden-files": { default: "false" },
    archive: {},
  },
  async run(run, at, inputs) {
    const lines = linesOf(inputs.path);
    if (lines.length === 0) throw new GloveboxError("invalid_argument", "Input required and not supplied: path");
    const hidden = isTrue(inputs["include-hidden-files"]);
    const picked = await pick(run, lines, (path) => hidden || !path.split("/").some((part) => part.startsWith(".")));
    if (picked.paths.length === 0) return nothingFound(run, inputs["if-no-files-found"], lines);
    const { artifacts } = storageOf(run);
    const name = inputs.name ?? "artifact";
    const overwrite = isTrue(inputs.overwrite);
    const entry = await archived(run, at.place, picked, (tar) => artifacts.put(name, tar, { overwrite }));
    return {
      outcome: "success",
      outputs: { "artifact-id": entry.id, "artifact-digest": entry.sha256 },
    };
  },
};

function nothingFound(run: StepRun, policy: string | undefined, lines: readonly string[]) {
  const message = `No files were found with the provided path: ${lines.join(", ")}. No artifacts will be uploaded.`;
  if (policy === "error") throw new GloveboxError("not_found", message);
  if (policy !== "ignore") run.annotations.push({ level: "warning", message });
  return { outcome: "success", outputs: {} } as const;
}

/** `actions/download-artifact`: one by its name, right into the folder; several, a folder each unless they are merged. */
export const downloadArtifact: BuiltInAction = {
  inputs: {
    name: {},
    "artifact-ids": {},
    path: {},
    pattern: {},
    "merge-multiple": { default: "false" },
    "github-token": {},
    repository: {},
    "run-id": {},
    "digest-mismatch": {},
    "skip-decompress": {},
  },
  async run(run, _at, inputs) {
    if ((inputs["run-id"] ?? "") !== "" && inputs["run-id"] !== run.job.contexts.github.run_id) {
      throw new GloveboxError("invalid_argument", "artifacts of other runs cannot be had here");
    }
    const { artifacts } = storageOf(run);
    const folder = posix.resolve(LAYOUT.workspace, (inputs.path ?? "").replace(/^~(?=\/|$)/, LAYOUT.home));
    if (!`${folder}/`.startsWith("/workspace/"))
      throw new GloveboxError("invalid_path", `'${inputs.path}' is not in the workspace`);
    const name = inputs.name ?? "";
    const ids = linesOf(inputs["artifact-ids"]?.replaceAll(",", "\n"));
    if (name !== "") {
      const tar = await artifacts.get(name);
      if (tar === undefined)
        throw new GloveboxError("not_found", `Unable to download artifact(s): Artifact not found for name: ${name}`);
      await unpack(run, folder, tar);
    } else {
      const pattern = new Minimatch((inputs.pattern ?? "") === "" ? "*" : (inputs.pattern ?? "*"));
      const found = (await artifacts.list()).filter((entry) =>
        ids.length > 0 ? ids.includes(entry.id) : pattern.match(entry.name),
      );
      for (const entry of found) {
        const tar = await artifacts.get(entry.name);
        const isAlone = isTrue(inputs["merge-multiple"]) || (ids.length === 1 && found.length === 1);
        if (tar !== undefined) await unpack(run, isAlone ? folder : posix.join(folder, entry.name), tar);
      }
    }
    return { outcome: "success", outputs: { "download-path": folder } };
  },
};

async function unpack({ bench }: StepRun, folder: string, tar: AsyncIterable<Uint8Array>): Promise<void> {
  const files = await bench.files();
  await files.mkdir(folder, { parents: true, signal: bench.signal });
  await files.unpack(folder, tar, bench.signal);
}

/** Errors: `unavailable` on a server that keeps nothing for jobs. */
export function storageOf({ host }: StepRun): JobStorage {
  if (host.storage !== undefined) return host.storage;
  throw new GloveboxError("not_found", "this server keeps no artifacts and caches");
}
