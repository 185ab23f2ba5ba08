import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import {
  type CiConclusion,
  type CiEvent,
  type CiRun,
  type CiSource,
  canonicalJson,
  type Redactor,
} from "../../core/index.ts";
import type { JsonValue } from "../../engine/index.ts";
import { fromVerbatim, toVerbatim, type Verbatim } from "../verbatim.ts";

/** The name of the program that every workflow's run is a run of. */
export const CI_WORKFLOW = "ci-workflow";

/** Stands for the run itself where jobs have their keys: in the concurrency group of its workflow. No job has it, because theirs begin with a letter or `_`. */
export const RUN_KEY = "-run";

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** What decides how jobs are run; of the configuration when the run began. Times in milliseconds. */
export interface RunSettings {
  readonly snapshots: "never" | "after_each_step";
  /** Of a step and a job that name no `timeout-minutes`. Absent: as the runner says. */
  readonly stepTimeoutMs?: number;
  readonly jobTimeoutMs?: number;
  /** Of the whole run, waiting included: then it is cancelled. */
  readonly runTimeoutMs: number;
  /** Templates by the labels of `runs-on`. */
  readonly labels: JsonStrings;
}

type JsonStrings = Readonly<Record<string, string>>;

/** A job's result that an earlier attempt had. */
export interface KeptJob {
  readonly conclusion: CiConclusion;
  readonly outputs: JsonStrings;
}

/** Everything that decides: a replay needs no configuration, no repository and no file. */
export interface CiRunInput {
  readonly repositoryId?: string;
  readonly repository: string;
  readonly source: CiSource;
  readonly workflow: { readonly path: string; readonly text: string };
  readonly event: CiEvent;
  /** As the forge sent it; `github.event`. */
  readonly payload: JsonObject;
  readonly inputs: JsonObject;
  /** Variables that the caller gave; they win over the repository's. */
  readonly vars: JsonStrings;
  /** Only this job and what it needs. */
  readonly job?: string;
  /** Only the combinations of matrices that have these values, as text. */
  readonly matrix?: JsonStrings;
  readonly settings: RunSettings;
  /** Under which the secrets are sealed that the caller gave: see `RunSecrets`. */
  readonly secretsId?: string;
  readonly attempt: number;
  readonly number?: number;
  readonly rerunOf?: string;
  /** The run whose artifacts its jobs have: the first attempt. */
  readonly artifactsOf?: string;
  /** By key. */
  readonly kept?: Readonly<Record<string, KeptJob>>;
}

/** What of an input is kept to the letter. */
type Exact = Pick<CiRunInput, "workflow" | "vars" | "inputs" | "kept">;

/** The input as the journal has it. */
export interface StoredRunInput {
  /** Proves that the service began the run: see {@link ticketOf}. */
  readonly ticket: string;
  readonly exact: Verbatim;
  /** The rest, in which whatever looks like a secret is masked. */
  readonly masked: Omit<CiRunInput, keyof Exact>;
}

/** `redactor`: what the journal would mask anyhow has to be masked before the ticket is made. */
export function storedInput(
  { key, redactor }: { readonly key: Buffer; readonly redactor: Redactor | undefined },
  tenantId: string,
  { workflow, vars, inputs, kept, ...rest }: CiRunInput,
): StoredRunInput {
  const exact = toVerbatim({ workflow, vars, inputs, ...(kept !== undefined && { kept }) } satisfies Exact);
  const stored = { exact, masked: redactor?.redactJson(rest) ?? rest };
  return { ...stored, ticket: ticketOf(key, tenantId, stored) };
}

export function runInputOf({ exact, masked }: StoredRunInput): CiRunInput {
  return { ...masked, ...fromVerbatim<Exact>(exact) };
}

const isRecord = (value: unknown) => typeof value === "object" && value !== null;

/** The service has checked what is in it, and the ticket says that it did. */
export const StoredRunInputSchema = z.custom<StoredRunInput>(
  (value) => isRecord(value) && "ticket" in (value as object) && "masked" in (value as object),
);

export interface CiRunOutput {
  readonly conclusion: CiConclusion;
}

export const CiRunOutputSchema = z.custom<CiRunOutput>((value) => isRecord(value) && "conclusion" in (value as object));

/**
 * Names the input as the service's own. A run chooses whose secrets it gets and whether it comes from a fork, so one that somebody started by other ways, with an input of
 * their own, must not begin.
 */
function ticketOf(key: Buffer, tenantId: string, input: Omit<StoredRunInput, "ticket">): string {
  return createHmac("sha256", key).update(canonicalJson({ tenantId, input })).digest("hex");
}

export function isTicketOf(key: Buffer, tenantId: string, { ticket, ...input }: StoredRunInput): boolean {
  const expected = Buffer.from(ticketOf(key, tenantId, input));
  const given = Buffer.from(String(ticket));
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** The record as it is before anything has happened. */
export function newRecord(
  run: { readonly id: string; readonly tenantId: string; readonly createdAtMs: number },
  input: CiRunInput,
  workflowName: string,
): CiRun {
  const { id, tenantId, createdAtMs } = run;
  const { repositoryId, repository, source, workflow, event, attempt, number = 0, rerunOf, secretsId } = input;
  return {
    id,
    tenantId,
    ...(repositoryId !== undefined && { repositoryId }),
    repository,
    number,
    attempt,
    ...(rerunOf !== undefined && { rerunOf }),
    workflow: { name: workflowName, path: workflow.path },
    title: workflowName,
    event,
    source,
    ...(secretsId !== undefined && { secretsId }),
    status: "queued",
    jobs: [],
    createdAtMs,
    updatedAtMs: createdAtMs,
  };
}
