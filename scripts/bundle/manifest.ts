import { readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where this tree is. */
export const ROOT = resolve(import.meta.dirname, "../..");

export function bundleFolder(root: string = ROOT): string {
  return join(root, ".tools/bundle");
}

export const MANIFEST = "manifest.json";

/** Size in bytes and the time of the last change of anything about a file, milliseconds: no write leaves both as they were. */
type Mark = readonly [size: number, changedMs: number];

/** What a bundle was made of, and what it has. Written last, at once: where it is, all that it names is there. */
export interface Manifest {
  readonly root: string;
  /** The chunk that is the command. */
  readonly main: string;
  /** The chunks that stand for modules which programs, hooks and flows of users import, by the modules' URLs. */
  readonly chunks: Readonly<Record<string, string>>;
  /** By path. */
  readonly marks: Readonly<Record<string, Mark>>;
}

/** The bundle that was made of just the sources that are here. Anything else, and none at all, is `undefined`: the sources run as they are. */
export function freshManifest(root: string = ROOT): Manifest | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(bundleFolder(root), MANIFEST), "utf8")) as Manifest;
    return manifest.root === root && areSame(manifest.marks) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Throws when there is no such file. */
export function markOf(path: string): Mark {
  const { size, ctimeMs } = statSync(path);
  return [size, ctimeMs];
}

function areSame(marks: Manifest["marks"]): boolean {
  for (const path in marks) {
    const stats = statSync(path, { throwIfNoEntry: false });
    const mark = marks[path];
    if (stats === undefined || stats.size !== mark?.[0] || stats.ctimeMs !== mark[1]) return false;
  }
  return true;
}
