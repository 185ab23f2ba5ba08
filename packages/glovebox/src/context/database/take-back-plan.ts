import type Database from "better-sqlite3";
import type { DocumentKind, Scope } from "../document.ts";

/** Why something that a run wrote stays: somebody else wrote after it, or what was before it has been forgotten (see `compact`). */
export type WhyNotTakenBack = "changed_since" | "forgotten";

/** A document that a run wrote, and what takes that back. */
export interface TakeBackStep {
  readonly id: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path?: string;
  /** The version that is current now. */
  readonly version: number;
  /** To be brought back: a version, or that there was no document; absent when there is nothing to do, or any more. */
  readonly restores?: { readonly version: number; readonly removed: boolean };
  /** Something of what the run wrote stays. */
  readonly conflict?: WhyNotTakenBack;
}

export interface TakeBackQuery {
  readonly tenantId: string;
  readonly run: string;
  /** What the run wrote up to there stays. */
  readonly afterRevision: number;
  /** Documents with an id after this one. */
  readonly afterId: string;
  readonly limit: number;
}

/** What one version says about who made it of what. */
export interface VersionFact {
  readonly version: number;
  readonly removed: boolean;
  /** The run that is taken back wrote it, after the place that it goes back to. */
  readonly isVoid: boolean;
  /** The version that it brought back; 0: that there was none. */
  readonly restores: number | null;
}

/** Stands for versions that have been forgotten. */
const GAP = "gap";

/**
 * What takes a document back to before what a run wrote: the version below the run's at its top. What others wrote on top of the run stays, and is a conflict: it may have the run's in it.
 * Versions that an earlier rollback took back do not count, so that doing it twice comes to the same.
 */
export function takeBack(versions: Iterable<VersionFact>): Pick<TakeBackStep, "restores" | "conflict"> {
  const stack = standing(versions);
  const current = stack.at(-1);
  let top = current;
  while (top !== undefined && top !== GAP && top.isVoid) {
    stack.pop();
    top = stack.at(-1);
  }
  const isBuried = stack.some((one) => one !== GAP && one.isVoid);
  if (top === current) {
    const isGone = top !== GAP && top?.removed === true;
    return isBuried && !isGone ? { conflict: "changed_since" } : {};
  }
  if (top === GAP) return { conflict: "forgotten" };
  const restores = { version: top?.version ?? 0, removed: top?.removed ?? true };
  return { restores, ...(isBuried && { conflict: "changed_since" }) };
}

/** The versions, oldest first, without those that were taken back. */
function standing(versions: Iterable<VersionFact>): (VersionFact | typeof GAP)[] {
  const stack: (VersionFact | typeof GAP)[] = [];
  let last = 0;
  for (const one of versions) {
    if (one.version !== last + 1) stack.push(GAP);
    last = one.version;
    if (one.restores === null) {
      stack.push(one);
      continue;
    }
    const at = stack.findLastIndex((known) => known !== GAP && known.version === one.restores);
    stack.length = at + 1;
    if (at === -1 && one.restores !== 0) stack.push(GAP);
  }
  return stack;
}

interface Row {
  readonly row: number;
  readonly id: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path: string | null;
  readonly current: number;
}

/** The documents that a run wrote after a revision, by id, each with what takes it back. */
export function readTakeBackPlan(
  db: Database,
  { tenantId, run, afterRevision, afterId, limit }: TakeBackQuery,
): TakeBackStep[] {
  const touched = db.prepare(
    `SELECT row, id, scope, kind, path, current FROM document WHERE tenant = ? AND id > ? AND row IN
       (SELECT document FROM version WHERE run = ? AND from_revision > ? AND restores IS NULL) ORDER BY id LIMIT ?`,
  );
  const facts = db.prepare(
    `SELECT version, removed, restores, (run IS NOT NULL AND run = ? AND from_revision > ?) AS is_void
     FROM version WHERE document = ? ORDER BY version`,
  );
  const rows = touched.all(tenantId, afterId, run, afterRevision, limit) as Row[];
  return rows.map(({ row, path, current, ...document }) => {
    const versions = facts.all(run, afterRevision, row) as {
      readonly version: number;
      readonly removed: number;
      readonly restores: number | null;
      readonly is_void: number;
    }[];
    const plan = takeBack(
      versions.map(({ is_void: isVoid, removed, ...one }) => ({
        ...one,
        removed: removed === 1,
        isVoid: isVoid === 1,
      })),
    );
    return { ...document, ...(path !== null && { path }), version: current, ...plan };
  });
}
