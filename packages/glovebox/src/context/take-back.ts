import { GloveboxError, isGloveboxError } from "../core/index.ts";
import type { WriteOptions } from "./context-store.ts";
import type { AddResult } from "./database/messages.ts";
import type { TakeBackStep, WhyNotTakenBack } from "./database/take-back-plan.ts";
import type { DocumentInput, DocumentKind, Scope } from "./document.ts";
import type { ContextWrite, EmbeddedParts } from "./embedded-context-store.ts";

/** A document in which something of the run's stays. */
export interface TakeBackConflict {
  readonly id: string;
  readonly scope: Scope;
  readonly kind: DocumentKind;
  readonly path?: string;
  /** The version that was current when that was found. */
  readonly version: number;
  readonly reason: WhyNotTakenBack;
}

export interface TakenBack {
  /** How many of the documents that the run wrote are as if it had not. */
  readonly documents: number;
  /** How many are not. */
  readonly kept: number;
  /** The first 100 of those, by id. */
  readonly conflicts: readonly TakeBackConflict[];
}

const MAX_CONFLICTS = 100;
/** Documents that are looked at together. */
const PAGE = 200;
/** Of the contents that are in memory at a time, about. */
const MAX_BATCH_CHARS = 8 * 1024 * 1024;
/** How often a page is looked at again because somebody wrote meanwhile. */
const MAX_ATTEMPTS = 5;

interface Asked {
  readonly runId: string;
  readonly afterRevision: number;
  readonly signal?: AbortSignal;
}

type Parts = Pick<EmbeddedParts, "readers" | "writer"> & {
  write(changes: ContextWrite, options: WriteOptions): Promise<AddResult>;
};

/** See `ContextStore.takeBack`. */
export async function takeBackRun(parts: Parts, tenantId: string, asked: Asked): Promise<TakenBack> {
  // What the run's work had asked of the writer is written when this is answered: the plan sees it.
  await parts.writer.call("lastRevision");
  let [documents, kept, afterId] = [0, 0, ""];
  const conflicts: TakeBackConflict[] = [];
  let page: readonly TakeBackStep[];
  do {
    page = await takePageBack(parts, tenantId, asked, afterId);
    for (const { restores: _restores, conflict: reason, ...document } of page) {
      if (reason === undefined) documents += 1;
      else {
        kept += 1;
        if (conflicts.length < MAX_CONFLICTS) conflicts.push({ ...document, reason });
      }
    }
    afterId = page.at(-1)?.id ?? afterId;
  } while (page.length === PAGE);
  return { documents, kept, conflicts };
}

/** What was found, once it is done. */
async function takePageBack(
  parts: Parts,
  tenantId: string,
  asked: Asked,
  afterId: string,
): Promise<readonly TakeBackStep[]> {
  const { runId: run, afterRevision } = asked;
  for (let attempt = 1; ; attempt += 1) {
    const plan = await parts.readers.call({}, "takeBackPlan", { tenantId, run, afterRevision, afterId, limit: PAGE });
    try {
      await restoreAll(parts, tenantId, asked, plan);
      return plan;
    } catch (error) {
      // Somebody else wrote in between: that stays, and what is to be done is found anew.
      if (!isGloveboxError(error, "conflict") || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function restoreAll(
  parts: Parts,
  tenantId: string,
  { runId, signal }: Asked,
  plan: readonly TakeBackStep[],
): Promise<void> {
  const options: WriteOptions = { runId, ...(signal !== undefined && { signal }) };
  let puts: { readonly input: DocumentInput; readonly restores: number }[] = [];
  let removals: NonNullable<ContextWrite["removals"]>[number][] = [];
  let chars = 0;
  const flush = async () => {
    if (puts.length + removals.length === 0) return;
    const scopes = plan.map(({ scope }) => scope);
    await parts.write({ puts, removals, scopes }, options);
    [puts, removals, chars] = [[], [], 0];
  };
  for (const { id, version: basedOn, restores } of plan) {
    if (restores === undefined) continue;
    if (restores.removed) {
      removals.push({ kind: "remove", id, origin: `rollback of run ${runId}`, basedOn, restores: restores.version });
      continue;
    }
    const was = await parts.readers.call({}, "get", tenantId, id, { version: restores.version });
    if (was === undefined) throw new GloveboxError("conflict", `version ${restores.version} was forgotten just now`);
    const { scope, kind, path, content, metadata, origin } = was;
    const input = { scope, kind, ...(path !== undefined && { path }), content, metadata, origin, basedOn };
    puts.push({ input, restores: restores.version });
    chars += content.length;
    if (chars > MAX_BATCH_CHARS) await flush();
  }
  await flush();
}
