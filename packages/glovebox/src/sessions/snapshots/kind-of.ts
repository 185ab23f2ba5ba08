import { GloveboxError, type Isolation } from "../../core/index.ts";
import type { SnapshotKind } from "../../sandbox/index.ts";
import type { Isolations } from "../lifecycle/isolations.ts";

/** What a snapshot holds where `memory` was asked for, refused, or not spoken of: then the most that can be. Errors: `not_supported_by_isolation`. */
export async function kindOf(
  isolations: Isolations,
  isolation: Isolation,
  memory: boolean | undefined,
): Promise<SnapshotKind> {
  const { snapshot } = await isolations.require(isolation);
  if (snapshot !== "none" && memory === false) return "files";
  if (snapshot === "memory") return "memory";
  if (snapshot === "files" && memory === undefined) return "files";
  throw new GloveboxError("not_supported_by_isolation", `'${isolation}' cannot keep a session's memory`, {
    details: { isolation, what: "snapshot of memory" },
  });
}
