import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";

/** Texts of Debian sources, each in the one-line or the deb822 form of sources.list(5). */
export type DebianSources = readonly string[];

/** Those of a file, else those of this machine. Errors: `unavailable` when none is named. */
export async function debianSources(sourcesFile?: string, aptFolder = "/etc/apt"): Promise<DebianSources> {
  const texts = sourcesFile === undefined ? await machineSources(aptFolder) : [await readFile(sourcesFile, "utf8")];
  const naming = texts.filter((text) => /^\s*(?:deb|URIs:)\s+\S/im.test(text));
  if (naming.length === 0) {
    const where = sourcesFile ?? "this machine";
    throw new GloveboxError("unavailable", `images need Debian packages, and ${where} names no source of them`);
  }
  return naming;
}

async function machineSources(folder: string): Promise<string[]> {
  const names = (await readdir(join(folder, "sources.list.d")).catch(() => [] as string[])).sort();
  const parts = names.filter((name) => /\.(?:list|sources)$/.test(name));
  const files = [join(folder, "sources.list"), ...parts.map((name) => join(folder, "sources.list.d", name))];
  return Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
}
