import { X509Certificate } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GloveboxError } from "../../core/index.ts";
import { INSIDE } from "./inside.ts";
import { type RootImage, systemBundle } from "./root-image.ts";

const AUTHORITY_NAME = "authority.pem";
const BUNDLE_NAME = "ca-bundle.pem";

/**
 * Writes what a sandbox shall trust into a folder of its run folder, readable for its uid once it is mounted. Returns the folder.
 * Errors: `invalid_argument` when `authority` is not one PEM certificate.
 */
export async function writeTrust(folder: string, authority: string): Promise<string> {
  const dir = join(folder, "trust");
  const pem = oneCertificate(authority);
  await mkdir(dir, { mode: 0o755 });
  const system = systemBundle()?.toString("utf8").trimEnd();
  await writeFile(join(dir, AUTHORITY_NAME), pem, { mode: 0o644 });
  await writeFile(join(dir, BUNDLE_NAME), system ? `${system}\n${pem}` : pem, { mode: 0o644 });
  return dir;
}

/** What is mounted where, from that folder as bwrap sees it. */
export function trustParts(dir: string, image: RootImage): (readonly [source: string, target: string])[] {
  const bundle = join(dir, BUNDLE_NAME);
  return [
    [join(dir, AUTHORITY_NAME), INSIDE.authority],
    [bundle, INSIDE.caBundle],
    ...(image.systemBundle ? [[bundle, INSIDE.systemBundle] as const] : []),
  ];
}

function oneCertificate(pem: string): string {
  try {
    return new X509Certificate(pem).toString();
  } catch (cause) {
    throw new GloveboxError("invalid_argument", "The authority is not a PEM certificate", { cause });
  }
}
