import type { ErrorBody, Run } from "../../core/index.ts";
import type { JournalRecord } from "../../engine/index.ts";
import { FlowResult, StepReport } from "./flow-result.ts";
import { FlowQuestion } from "./person.ts";

/** A run of a flow as its journal tells it: whole when it has ended by itself, else as far as it came. */
export interface FlowRunView extends Omit<FlowResult, "status"> {
  readonly runId: string;
  readonly flow: string;
  /** Of the run; `failed` also when it did not come to what was asked. */
  readonly status: Run["status"];
  readonly error?: ErrorBody;
  /** What people are asked and have not answered. */
  readonly questions: readonly FlowQuestion[];
}

/** Reads what a flow notes of itself. What a rollback took back does not count. */
export class FlowNotes {
  #notes: { readonly seq: number; readonly note: Readonly<Record<string, unknown>> }[] = [];
  #startInput: unknown;

  take({ seq, type, payload }: JournalRecord): void {
    if (type === "run.started") this.#startInput = payload.input;
    else if (type === "rollback") this.#notes = this.#notes.filter((one) => one.seq <= payload.toSeq);
    else if (type === "step.completed" && payload.kind === "note") {
      const { result } = payload;
      if (typeof result !== "object" || result === null || Array.isArray(result)) return;
      const { flow } = result as { readonly flow?: unknown };
      if (typeof flow === "object" && flow !== null) this.#notes.push({ seq, note: flow as Record<string, unknown> });
    }
  }

  /** What the run was started with. */
  get input(): unknown {
    return this.#startInput;
  }

  get steps(): readonly StepReport[] {
    return this.#notes.flatMap(({ note }) => {
      const parsed = StepReport.safeParse(note.step);
      return parsed.success ? [parsed.data] : [];
    });
  }

  /** All changes that were applied so far. */
  get diff(): string {
    const last = this.#notes.findLast(({ note }) => typeof note.diff === "string");
    return typeof last?.note.diff === "string" ? last.note.diff : "";
  }

  get questions(): readonly FlowQuestion[] {
    const answered = new Set(this.#notes.map(({ note }) => note.answered));
    return this.#notes.flatMap(({ note }) => {
      const parsed = FlowQuestion.safeParse(note.question);
      return parsed.success && !answered.has(parsed.data.id) ? [parsed.data] : [];
    });
  }
}

export function isOver({ status }: Pick<Run, "status">): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}

/** `output`: of a run that is completed. */
export function viewOf(run: Run, flow: string, notes: FlowNotes, output: unknown): FlowRunView {
  const { id: runId, status, error } = run;
  const parsed = FlowResult.safeParse(output);
  if (parsed.success) {
    const { status: came, ...result } = parsed.data;
    return { runId, flow, ...result, status: came, questions: [] };
  }
  return {
    runId,
    flow,
    status,
    steps: [...notes.steps],
    branch: null,
    diff: notes.diff,
    changes: [],
    tests: null,
    questions: isOver(run) ? [] : notes.questions,
    ...(error !== undefined && { error, reason: error.message.slice(0, 4_000) }),
  };
}
