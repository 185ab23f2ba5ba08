import type { ContextDocument, ContextStore } from "../../context/index.ts";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { StepContext } from "../../engine/index.ts";
import { keepRevision } from "../../runs/index.ts";
import {
  counted,
  firstOf,
  fromDocument,
  type KeptLesson,
  lessonPath,
  likeness,
  recalledOf,
  toDocument,
  withEvidence,
} from "./lesson-document.ts";
import type { Lessons, NewLesson, RecalledLesson } from "./lessons.ts";

const DEFAULT_LIMIT = 5;
const MAX_LIMIT = 20;
/** Lessons that failed their users so often are not given out any more. */
const MIN_CONFIDENCE = 0.2;
/** Of the words of two failures, to be of the same kind. */
const MIN_LIKENESS = 0.3;
const MAX_QUERY = 2_000;
const MAX_ATTEMPTS = 5;

interface Found {
  readonly document: ContextDocument;
  readonly lesson: KeptLesson;
}

/** Lessons as documents of kind `lesson` in the context store, for the tenant of whoever asks. */
export function createLessons(store: ContextStore): Lessons {
  return {
    recall: (run, failure, limit = DEFAULT_LIMIT) => {
      if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
        throw new GloveboxError("invalid_argument", `limit must be a whole number from 1 to ${MAX_LIMIT}`);
      }
      // What a step is given is what the journal keeps of it: secrets are masked.
      return run.step("recall", { failure: failure.slice(0, MAX_QUERY), limit }, async (asked, step) => {
        const found = await nearest(store, run.tenantId, asked.failure, step.signal);
        const best = found.slice(0, asked.limit);
        const recalled: RecalledLesson[] = [];
        for (const { document } of best) {
          const now = await change(store, run.tenantId, { id: document.id, step }, (lesson) =>
            counted(lesson, "used", step.idempotencyKey),
          );
          if (now !== undefined) recalled.push(recalledOf(document.id, now));
        }
        await keepRevision(store, step);
        return recalled;
      });
    },
    learn: (run, lesson) =>
      run.step("learn", present(lesson), async (given, step) => {
        const path = lessonPath(given);
        const [known] = (await store.list(run.tenantId, { filter: { eq: { field: "path", value: path } } })).items;
        if (known !== undefined && !known.removed) {
          await change(store, run.tenantId, { id: known.id, step }, (kept) =>
            withEvidence(kept, step.runId, given.evidence),
          );
          await keepRevision(store, step);
          return known.id;
        }
        const first = withEvidence(firstOf(given), step.runId, given.evidence);
        const { documents } = await store.add(run.tenantId, [toDocument(path, first)], step);
        await keepRevision(store, step);
        return documents[0]?.id ?? "";
      }),
    helped: (run, ids) =>
      run.step("helped", { ids: [...new Set(ids)].slice(0, MAX_LIMIT) }, async (given, step) => {
        for (const id of given.ids) {
          await change(store, run.tenantId, { id, step }, (lesson) => counted(lesson, "helped", step.idempotencyKey));
        }
        await keepRevision(store, step);
      }),
  };
}

/** Lessons whose failure is like this one, best first: by their place in the search and their confidence, ties by id. */
async function nearest(
  store: ContextStore,
  tenantId: string,
  failure: string,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  if (failure.trim() === "") return [];
  const filter = { eq: { field: "kind", value: "lesson" } };
  const { hits } = await store.search(tenantId, { query: failure, filter, k: 100 }, signal);
  const found: (Found & { readonly rank: number })[] = [];
  for (const [at, id] of [...new Set(hits.map((hit) => hit.id))].entries()) {
    const document = await store.get(tenantId, id);
    const lesson = fromDocument(document);
    if (lesson === undefined || likeness(lesson.failure, failure) < MIN_LIKENESS) continue;
    const { confidence } = recalledOf(id, lesson);
    if (confidence >= MIN_CONFIDENCE) found.push({ document, lesson, rank: (0.5 + confidence / 2) / (10 + at) });
  }
  return found.toSorted((a, b) => b.rank - a.rank || (a.document.id < b.document.id ? -1 : 1));
}

/** Changes a lesson, again when somebody came in between. Absent when there is none of that id. */
async function change(
  store: ContextStore,
  tenantId: string,
  { id, step }: { readonly id: string; readonly step: Pick<StepContext, "runId" | "signal"> },
  work: (lesson: KeptLesson) => KeptLesson,
): Promise<KeptLesson | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const document = await store.get(tenantId, id).catch((error: unknown) => {
      if (isGloveboxError(error, "not_found")) return undefined;
      throw error;
    });
    const lesson = document === undefined ? undefined : fromDocument(document);
    if (document?.path === undefined || lesson === undefined) return undefined;
    const next = work(lesson);
    if (next === lesson) return lesson;
    try {
      await store.add(tenantId, [{ ...toDocument(document.path, next), basedOn: document.version }], step);
      return next;
    } catch (error) {
      if (!isGloveboxError(error, "conflict") || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

function present({ failure, fix, worked, agent, evidence }: NewLesson): NewLesson {
  if (failure.trim() === "" || fix.trim() === "") {
    throw new GloveboxError("invalid_argument", "a lesson says what failed and what was done");
  }
  return { failure, fix, worked, agent, evidence: [...evidence] };
}
