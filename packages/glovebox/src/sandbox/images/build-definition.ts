import { createReadStream } from "node:fs";
import { GloveboxError } from "../../core/index.ts";
import { bootstrap } from "./bootstrap.ts";
import { type BuildPlan, sourceOf } from "./build-plan.ts";
import type { ContentHeap } from "./content-heap.ts";
import type { FileEntry } from "./definition.ts";
import { FileTree } from "./file-tree.ts";
import { foundLanguages } from "./found-languages.ts";
import type { ImageWorkOptions } from "./image.ts";
import { type MadeTree, type MakingPlace, TREE_SHARE } from "./make-image.ts";
import { normalise } from "./normalise.ts";
import { addSkeleton } from "./skeleton.ts";

/** A plan, and where it is carried out. */
export type BuildInputs = BuildPlan & MakingPlace;

/**
 * Makes the tree that a definition describes. Errors: those of `bootstrap`; `language_unavailable` when what the definition promises is not
 * in it.
 */
export async function buildDefinition(inputs: BuildInputs, work: ImageWorkOptions): Promise<MadeTree> {
  const { definition, heap, workDir, rootDir, sources } = inputs;
  const { signal, onProgress } = work;
  const tree = new FileTree();
  const startedAt = Math.floor(Date.now() / 1000);
  await bootstrap({
    packages: definition.packages,
    sources,
    workDir,
    rootDir,
    tree,
    heap,
    onProgress: ({ stage, fraction, line }) =>
      onProgress?.({ stage, fraction: fraction * TREE_SHARE, ...(line !== undefined && { line }) }),
    ...(signal && { signal }),
  });
  normalise(tree, startedAt);
  for (const path of definition.remove) tree.remove(partsIn(path));
  tree.nextLayer();
  for (const entry of definition.files) await addFile(tree, heap, entry, inputs);
  await addSkeleton(tree, heap);
  const languages = foundLanguages(tree);
  const lacking = definition.languages.filter((language) => !languages.includes(language));
  if (lacking.length > 0) {
    throw new GloveboxError("language_unavailable", `image '${inputs.name}' came out without ${lacking.join(", ")}`, {
      details: { languages: lacking },
    });
  }
  return { tree, languages, origin: "definition", inputsHash: inputs.inputsHash, description: definition.description };
}

async function addFile(tree: FileTree, heap: ContentHeap, entry: FileEntry, inputs: BuildInputs): Promise<void> {
  const content =
    "text" in entry
      ? await heap.append([Buffer.from(entry.text)])
      : await heap.append(createReadStream(sourceOf(entry, inputs)));
  const mode = "program" in entry ? 0o755 : Number.parseInt(entry.mode ?? "0644", 8);
  tree.put(partsIn(entry.to), { kind: "file", content, mode, uid: 0, gid: 0, mtime: 0 });
}

const partsIn = (path: string): string[] => path.split("/").filter(Boolean);
