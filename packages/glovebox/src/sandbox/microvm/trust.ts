import { X509Certificate } from "node:crypto";
import { GloveboxError, TRUST } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { systemBundle } from "../bubblewrap/root-image.ts";

/**
 * Writes what a sandbox with a network shall trust: the host's certificate authorities, and `authority` where there is one. Errors:
 * `invalid_argument` when that is not one PEM certificate.
 */
export async function writeTrust(connection: AgentConnection, authority: string | undefined): Promise<void> {
  const own = authority === undefined ? "" : oneCertificate(authority);
  const system = systemBundle()?.toString("utf8").trimEnd() ?? "";
  await connection.writeAsAgent(TRUST.bundle, Buffer.from(`${system}\n${own}`));
  if (own) await connection.writeAsAgent(TRUST.authority, Buffer.from(own));
}

function oneCertificate(pem: string): string {
  try {
    return new X509Certificate(pem).toString();
  } catch (cause) {
    throw new GloveboxError("invalid_argument", "The authority is not a PEM certificate", { cause });
  }
}
