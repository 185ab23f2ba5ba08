import type { CiSource } from "../../core/index.ts";
import type { JsonObject } from "./run-input.ts";

/** What somebody wants run. Everything has passed its schema; what it names is checked here. */
export interface CiStartRequest {
  /** An uploaded archive, or a commit of a repository. */
  readonly source: CiSource;
  /** `owner/name`; of a repository that the server knows its own. */
  readonly repository?: string;
  /** Paths of workflow files. Absent: all that the event starts. Named ones run whatever their filters say. */
  readonly workflows?: readonly string[];
  readonly event: {
    readonly name: string;
    readonly action?: string;
    readonly ref?: string;
    readonly baseRef?: string;
    readonly actor?: string;
    readonly payload?: JsonObject;
    /** What changed, for filters on paths. Absent: not known, and they keep nothing from running. */
    readonly changedFiles?: readonly string[];
  };
  /** Of `workflow_dispatch`, as texts or of their type. */
  readonly inputs?: JsonObject;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  readonly job?: string;
  readonly matrix?: Readonly<Record<string, string>>;
}

export interface RerunRequest {
  /** Only jobs that did not succeed, and those that depend on them. */
  readonly failedOnly?: boolean;
  /** Only this job, by key, id or name, and those that depend on it. */
  readonly job?: string;
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
