import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeOnce } from "./write-once.ts";

const SIGNED = Buffer.from("~Module signature appended~\n");
/** Of what describes a signature: kinds, lengths, and last the length of the signature itself. */
const SIGNATURE_BYTES = 12;

interface CpioEntry {
  readonly name: string;
  readonly mode: number;
  readonly data: Buffer;
}

export interface InitramfsParts {
  readonly init: string;
  readonly agent: string;
  /** Seccomp filter of user code. */
  readonly filter: string;
  readonly modulesDir: string;
}

/** Packs what a guest starts from into `<cacheDir>/initramfs-<hash>`, unless that exists, and returns its path. */
export async function makeInitramfs(cacheDir: string, parts: InitramfsParts): Promise<string> {
  const entries: CpioEntry[] = [
    folder("dev"),
    // Before /dev is mounted the kernel opens it for the first program.
    folder("modules"),
    { name: "init", mode: 0o100755, data: await readFile(parts.init) },
    { name: "agent", mode: 0o100755, data: await readFile(parts.agent) },
    { name: "filter", mode: 0o100644, data: await readFile(parts.filter) },
  ];
  for (const name of (await readdir(parts.modulesDir)).sort()) {
    const data = withoutSignature(await readFile(join(parts.modulesDir, name)));
    entries.push({ name: `modules/${name}`, mode: 0o100644, data });
  }
  const archive = packCpio(entries);
  const hash = createHash("sha256").update(archive).digest("hex").slice(0, 16);
  const path = join(cacheDir, `initramfs-${hash}`);
  if (await stat(path).catch(() => undefined)) return path;
  await mkdir(cacheDir, { recursive: true, mode: 0o755 });
  await writeOnce(path, archive);
  return path;
}

/**
 * A kernel's module without what its maker signed at its end (include/linux/module_signature.h). An emulated guest computes 15 ms for each, and would learn
 * nothing: its modules come from where it comes from itself, and whoever is in it may load none.
 */
export function withoutSignature(module: Buffer): Buffer {
  const described = module.length - SIGNED.length - SIGNATURE_BYTES;
  if (described < 0 || !module.subarray(-SIGNED.length).equals(SIGNED)) return module;
  const end = described - module.readUInt32BE(described + SIGNATURE_BYTES - 4);
  return end > 0 ? module.subarray(0, end) : module;
}

function folder(name: string): CpioEntry {
  return { name, mode: 0o40755, data: Buffer.alloc(0) };
}

/** The `newc` format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel. */
function packCpio(entries: readonly CpioEntry[]): Buffer {
  const all = [...entries, { name: "TRAILER!!!", mode: 0, data: Buffer.alloc(0) }];
  return Buffer.concat(
    all.flatMap(({ name, mode, data }, index) => {
      const fields = [index + 1, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length + 1, 0];
      const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}${name}\0`;
      return [Buffer.from(header), padding(header.length), data, padding(data.length)];
    }),
  );
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
