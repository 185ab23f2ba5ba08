import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, GloveboxError } from "../../core/index.ts";
import { type DebianSources, debianSources } from "./debian-sources.ts";
import type { FileEntry, WholeDefinition } from "./definition.ts";
import { hashFile } from "./image-store.ts";

/** Changed when the same definition would come out otherwise: how trees are made and packed. */
const MAKER = 1;

/** What of this host goes into an image. */
export interface BuildHost {
  readonly definitionsDir: string;
  /** The Node that is copied for `program: node`. */
  readonly nodePath: string;
  readonly aptSourcesFile?: string;
}

/** All that decides what a definition becomes, except the state of Debian's archive. */
export interface BuildPlan extends BuildHost {
  readonly name: string;
  readonly definition: WholeDefinition;
  readonly sources: DebianSources;
  /** Over all of this, and the contents of what is copied. */
  readonly inputsHash: string;
}

/** `undefined` when the name is not defined. Errors: `invalid_argument` for a definition, `unavailable` without Debian sources. */
export async function planBuild(name: string, host: BuildHost): Promise<BuildPlan | undefined> {
  const { loadDefinition } = await import("./load-definition.ts");
  const definition = await loadDefinition(host.definitionsDir, name);
  if (!definition) return undefined;
  const sources = await debianSources(host.aptSourcesFile);
  const { description: _, ...content } = definition;
  const copied: Record<string, string> = {};
  for (const entry of definition.files) {
    if ("text" in entry) continue;
    copied[entry.to] = await hashOnce(sourceOf(entry, host)).catch((cause: unknown) => {
      const message = `image '${name}' wants a file that cannot be read: ${entry.to}`;
      throw new GloveboxError("invalid_argument", message, { cause });
    });
  }
  const parts = { maker: MAKER, arch: process.arch, content, copied, sources };
  const inputsHash = createHash("sha256").update(canonicalJson(parts)).digest("hex");
  return { ...host, name, definition, sources, inputsHash };
}

/** The host's file that an entry copies. */
export function sourceOf(
  entry: Exclude<FileEntry, { text: string }>,
  { nodePath, definitionsDir }: Pick<BuildHost, "nodePath" | "definitionsDir">,
): string {
  return "program" in entry ? nodePath : join(definitionsDir, "files", entry.file);
}

const known = new Map<string, Promise<string>>();

/** Node's binary is 120 MB: read once, as long as it stays the same file. */
async function hashOnce(path: string): Promise<string> {
  const { dev, ino, size, mtimeMs } = await stat(path);
  const key = [path, dev, ino, size, mtimeMs].join(" ");
  const hash = known.get(key) ?? hashFile(path);
  known.set(key, hash);
  hash.catch(() => known.delete(key));
  return hash;
}
