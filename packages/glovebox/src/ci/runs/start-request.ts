import type { CiSource } from "../../core/index.ts";
import type { JsonObject } from "./run-input.ts";

/** What somebody wants run. Everything has passed its schema; what it names is checked here. */
export interface CiStartRequest {
  /** An uploaded archive, or a commit of a repository; by default the one that the event's `ref` points to. */
  readonly source:
    | Extract<CiSource, { readonly kind: "archive" }>
    | { readonly kind: "repository"; readonly repositoryId: string; readonly sha?: string | undefined };
  /** `owner/name`; of a repository that the server knows its own. */
  readonly repository?: string | undefined;
  /** Paths of workflow files. Absent: all that the event starts. Named ones run whatever their filters say. */
  readonly workflows?: readonly string[] | undefined;
  readonly event: {
    readonly name: string;
    readonly action?: string | undefined;
    readonly ref?: string | undefined;
    /** Of an archive: the commit that it comes from. */
    readonly sha?: string | undefined;
    readonly baseRef?: string | undefined;
    readonly actor?: string | undefined;
    readonly payload?: JsonObject | undefined;
    /** What changed, for filters on paths. Absent: not known, and they keep nothing from running. */
    readonly changedFiles?: readonly string[] | undefined;
  };
  /** Of `workflow_dispatch`, as texts or of their type. */
  readonly inputs?: JsonObject | undefined;
  readonly secrets?: Readonly<Record<string, string>> | undefined;
  readonly vars?: Readonly<Record<string, string>> | undefined;
  readonly job?: string | undefined;
  readonly matrix?: Readonly<Record<string, string>> | undefined;
}

export interface RerunRequest {
  /** Only jobs that did not succeed, and those that depend on them. */
  readonly failedOnly?: boolean | undefined;
  /** Only this job, by key, id or name, and those that depend on it. */
  readonly job?: string | undefined;
}

/** A line of a run's log. */
export interface CiLogLine {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** The job's key. */
  readonly job: string;
  readonly step: { readonly number: number; readonly name: string };
  readonly stream: "stdout" | "stderr";
  /** A piece of output as it came, ANSI and line breaks included. */
  readonly text: string;
  /** Where it is among the events of the executions. */
  readonly executionId: string;
  readonly seq: number;
}
