import { createHash } from "node:crypto";
import type { Workflow } from "../workflow/workflow.ts";

const MAX_SLUG = 40;
const MAX_KEY = 80;
/** What we add ourselves; an id that looks like it gets its place in the file as well. */
const OURS = /-[mj]\d+$|-w-/;

/**
 * The key of each job of a workflow by its id: 1 to 80 of `a-z`, `0-9`, `_` and `-`, unique in the run. It follows from the workflow alone, so that another attempt finds the same
 * job under the same key. `prefix`: the key of the job that calls the workflow.
 */
export function jobKeys(workflow: Workflow, prefix?: string): ReadonlyMap<string, string> {
  const slugs = new Map<string, number>();
  for (const { id } of workflow.jobs) slugs.set(slugOf(id), (slugs.get(slugOf(id)) ?? 0) + 1);
  return new Map(
    workflow.jobs.map(({ id }, index) => {
      const slug = slugOf(id);
      const isPlain = slug.length === id.length && slugs.get(slug) === 1 && !OURS.test(slug);
      const own = isPlain ? slug : `${slug}-j${index + 1}`;
      return [id, bounded(prefix === undefined ? own : `${prefix}-w-${own}`)];
    }),
  );
}

/** The key of one combination of a job's matrix; `index` from 0. */
export function instanceKey(jobKey: string, index: number): string {
  return bounded(`${jobKey}-m${index + 1}`);
}

function slugOf(id: string): string {
  return id
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "-")
    .slice(0, MAX_SLUG);
}

function bounded(key: string): string {
  if (key.length <= MAX_KEY) return key;
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return `${key.slice(0, MAX_KEY - hash.length - 1)}-${hash}`;
}
