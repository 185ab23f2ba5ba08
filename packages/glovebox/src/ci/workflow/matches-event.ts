import { compilePattern } from "./glob.ts";
import type { EventFilter, Workflow } from "./workflow.ts";

/** What happened, as far as triggers ask. */
export interface TriggerEvent {
  readonly name: string;
  /** Its activity type; for `repository_dispatch` the event's own type. */
  readonly action?: string;
  /** Full: `refs/heads/main`, `refs/tags/v1`, `refs/pull/1/merge`. */
  readonly ref: string;
  /** Of a pull request: the branch that it is to be merged into, short or full. */
  readonly baseRef?: string;
  /** Of a `workflow_run`: the name of the workflow that ran. */
  readonly workflow?: string;
  /** Paths from the repository's root. Absent: not known, and no filter on paths keeps the workflow from running, as on GitHub. */
  readonly changedFiles?: readonly string[];
}

/**
 * The activity types that start a workflow which names none; for events that are not here, all do.
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
 */
const DEFAULT_TYPES: Readonly<Record<string, readonly string[]>> = {
  pull_request: ["opened", "synchronize", "reopened"],
  pull_request_target: ["opened", "synchronize", "reopened"],
};

/** Whether `event` starts `workflow`. Errors: `invalid_argument` for a pattern that cannot be read (parsing has said so before). */
export function matchesEvent(workflow: Workflow, event: TriggerEvent): boolean {
  const filter = Object.hasOwn(workflow.on.events, event.name) ? workflow.on.events[event.name] : undefined;
  if (filter === undefined) return false;
  return (
    matchesType(filter, event) &&
    matchesWorkflow(filter, event) &&
    matchesRef(filter, event) &&
    matchesPaths(filter, event)
  );
}

function matchesType(filter: EventFilter, event: TriggerEvent): boolean {
  const types = filter.types ?? DEFAULT_TYPES[event.name];
  return types === undefined || event.action === undefined || types.includes(event.action);
}

function matchesWorkflow({ workflows }: EventFilter, event: TriggerEvent): boolean {
  return workflows === undefined || (event.workflow !== undefined && workflows.includes(event.workflow));
}

const BRANCH = "refs/heads/";
const TAG = "refs/tags/";

function matchesRef(filter: EventFilter, event: TriggerEvent): boolean {
  const branches = isFiltered(filter.branches, filter.branchesIgnore);
  const tags = isFiltered(filter.tags, filter.tagsIgnore);
  if (!branches && !tags) return true;
  const ref = event.name.startsWith("pull_request") ? (event.baseRef ?? "") : event.ref;
  if (ref.startsWith(TAG)) return tags && filterOf(filter.tags, filter.tagsIgnore)(ref.slice(TAG.length));
  const branch = ref.startsWith(BRANCH) ? ref.slice(BRANCH.length) : ref;
  return branches && filterOf(filter.branches, filter.branchesIgnore)(branch);
}

function matchesPaths(filter: EventFilter, event: TriggerEvent): boolean {
  const files = event.changedFiles;
  if (files === undefined || !isFiltered(filter.paths, filter.pathsIgnore)) return true;
  if (event.ref.startsWith(TAG)) return true;
  const passesFilter = filterOf(filter.paths, filter.pathsIgnore);
  return files.some(passesFilter);
}

function isFiltered(patterns: readonly string[] | undefined, ignored: readonly string[] | undefined): boolean {
  return patterns !== undefined || ignored !== undefined;
}

type Names = (name: string) => boolean;

function filterOf(patterns: readonly string[] | undefined, ignored: readonly string[] | undefined): Names {
  const wanted = patterns === undefined ? () => true : matcher(patterns);
  const unwanted = ignored === undefined ? () => false : matcher(ignored);
  return (name) => wanted(name) && !unwanted(name);
}

/** Of the patterns that match, the last one says: one with `!` takes back what an earlier one gave. */
export function matcher(patterns: readonly string[]): Names {
  const compiled = patterns.map(compilePattern);
  return (name) => {
    let matched = false;
    for (const pattern of compiled)
      if (pattern.negative === matched && pattern.matches(name)) matched = !pattern.negative;
    return matched;
  };
}
