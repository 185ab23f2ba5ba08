import { createHash, randomBytes } from "node:crypto";
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { ARCHITECTURES } from "./architecture.ts";
import { encodeBpf } from "./bpf.ts";
import { compileFilter } from "./compile-filter.ts";
import { PROFILES, type ProfileName } from "./profiles.ts";

/** The compiled filter of a profile for this machine. Errors: `isolation_unavailable` on other architectures. */
export function filterBytes(name: ProfileName, arch: string = process.arch): Buffer {
  if (arch !== "x64" && arch !== "arm64") {
    throw new GloveboxError("isolation_unavailable", `There is no system call table for ${arch}`);
  }
  return encodeBpf(compileFilter(PROFILES[name], ARCHITECTURES[arch]));
}

/** Writes it to `<dir>/seccomp-<profile>-<hash>.bpf`, unless it is there, and returns the path. */
export async function filterFile(name: ProfileName, dir: string): Promise<string> {
  const bytes = filterBytes(name);
  const path = join(dir, `seccomp-${name}-${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}.bpf`);
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(dir, { recursive: true });
  const partial = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(partial, bytes, { mode: 0o644 });
  await rename(partial, path);
  return path;
}
