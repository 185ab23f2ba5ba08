import type { Snapshot } from "@glovebox/sdk";
import { printableLine } from "./printable.ts";
import { agoText, bytesText } from "./units.ts";

const ORIGINS: Readonly<Record<Snapshot["origin"], string>> = {
  manual: "",
  before_execution: "before an execution",
  after_success: "after a success",
  before_rollback: "before a rollback",
  release: "while the session is paused",
};

/** Snapshots as a tree, a line each, oldest first; where the session's state comes from is marked with `*`. */
export function snapshotTree(items: readonly Snapshot[], head: string | undefined): string[] {
  const known = new Set(items.map(({ id }) => id));
  const children = Map.groupBy(items.toReversed(), ({ parentId }) =>
    parentId !== undefined && known.has(parentId) ? parentId : "",
  );
  const lines: string[] = [];
  // Not by recursion: a session's snapshots are mostly one long chain.
  const open = (children.get("") ?? []).toReversed().map((snapshot) => ({ snapshot, indent: "" }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { snapshot, indent } = next;
    lines.push(`${indent}${snapshot.id === head ? "*" : "o"} ${describe(snapshot)}`);
    const below = children.get(snapshot.id) ?? [];
    // A chain stays in its column; branches go one to the right each.
    const deeper = below.length > 1 ? `${indent}  ` : indent;
    open.push(...below.toReversed().map((child) => ({ snapshot: child, indent: deeper })));
  }
  return lines;
}

function describe({ id, name, origin, bytes, createdAt }: Snapshot): string {
  const parts = [id, name, ORIGINS[origin], bytesText(bytes), agoText(createdAt)];
  return parts.flatMap((part) => (part === undefined || part === "" ? [] : [printableLine(part)])).join("  ");
}
