import type { CiConclusion, CiRun, CiStatus } from "../core/index.ts";
import type { Page, PageRequest } from "./store.ts";

export interface CiRunFilter extends PageRequest {
  readonly repositoryId?: string;
  readonly repository?: string;
  /** The workflow file's path. */
  readonly workflow?: string;
  readonly event?: string;
  readonly ref?: string;
  readonly sha?: string;
  readonly status?: readonly CiStatus[];
  readonly conclusion?: readonly CiConclusion[];
}

/** A place in a concurrency group: of a whole run (`jobKey`: `-run`) or of one of its jobs. */
export interface CiGroupMember {
  readonly tenantId: string;
  readonly runId: string;
  readonly jobKey: string;
  readonly state: "running" | "pending";
}

/** Runs of workflows, and who is in which concurrency group. */
export interface CiRunStore {
  /** Keeps a new run, once: a second call with its id gives what is there. A first attempt gets its `number` here. */
  create(run: CiRun): Promise<CiRun>;
  /** Replaces it. False when there is none such. */
  put(run: CiRun): Promise<boolean>;
  get(tenantId: string, id: string): Promise<CiRun | undefined>;
  /** Newest first. */
  list(tenantId: string, filter?: CiRunFilter): Promise<Page<CiRun>>;
  /** Every tenant's runs that are not completed, oldest first. */
  unfinished(): Promise<readonly CiRun[]>;
  /** Which of these uploaded archives, or secrets, some run still names, or which runs (`id`) there are, whosever they are. */
  inUse(what: "archive" | "secrets" | "id", ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Who is in a group, in the order in which they came. */
  group(tenantId: string, name: string): Promise<readonly CiGroupMember[]>;
  /** Every group that has members. */
  groups(): Promise<readonly { readonly tenantId: string; readonly group: string }[]>;
  /** The groups that a run is in, with its places there. */
  groupsOf(tenantId: string, runId: string): Promise<readonly { readonly group: string; readonly jobKey: string }[]>;
  /** Takes members out of a group, and puts others in or changes their state, at once. */
  changeGroup(
    tenantId: string,
    name: string,
    change: { readonly put?: readonly CiGroupMember[]; readonly remove?: readonly CiGroupMember[] },
  ): Promise<void>;
}
