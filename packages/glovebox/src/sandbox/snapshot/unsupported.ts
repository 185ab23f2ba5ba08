import { GloveboxError, type Isolation } from "../../core/index.ts";

/** What a driver answers that was asked for what its capabilities say it cannot. */
export function cannot(isolation: Isolation, what: "snapshot" | "restore" | "fork" | "pause"): GloveboxError {
  return new GloveboxError("not_supported_by_isolation", `'${isolation}' cannot ${what}`, {
    details: { isolation, what },
  });
}
