import { setTimeout as delay } from "node:timers/promises";
import { type ErrorBody, GloveboxError, type Redactor, toGloveboxError } from "../../core/index.ts";
import { insideProgram, outsideProgram, type ProgramWatch } from "../guard/guard.ts";
import { hashValue } from "../journal/chain.ts";
import { toJournalValue } from "../journal/writer.ts";
import type { JsonValue } from "../json-value.ts";
import type { Program } from "../program.ts";
import { EmbeddedContext } from "./context.ts";
import type { Machine } from "./machine.ts";
import { Scope } from "./scope.ts";

/** How a run ended. */
export type Outcome =
  | { readonly status: "completed"; readonly output?: JsonValue; readonly outputHash: string }
  | { readonly status: "failed" | "cancelled"; readonly error: ErrorBody };

export interface LifeOptions {
  readonly runId: string;
  readonly tenantId: string;
  readonly machine: Machine;
  readonly program: Program;
  readonly input: unknown;
  readonly redactor: Redactor | undefined;
  readonly watch: ProgramWatch | undefined;
  /** How long a program that was told to end may take before it is left behind, milliseconds. */
  readonly graceMs: number;
  /** Waits for work that was told to end. */
  readonly workEnds: () => Promise<void>;
}

/** Runs a program from its beginning to its end, and what undoes it when it was cancelled. Never rejects. */
export async function live(options: LifeOptions): Promise<Outcome> {
  const { machine } = options;
  const outcome = await orLeftBehind(runProgram(options), options);
  const { endedBy } = machine;
  let result = outcome;
  if (endedBy !== undefined) {
    await options.workEnds();
    const failed = endedBy.code === "cancelled" ? await compensate(machine) : [];
    const details = failed.length === 0 ? {} : { details: { ...endedBy.details, notCompensated: failed } };
    result = {
      status: endedBy.code === "cancelled" ? "cancelled" : "failed",
      error: { ...endedBy.toBody(), ...details },
    };
  }
  machine.isOver = true;
  return result;
}

async function runProgram(options: LifeOptions): Promise<Outcome> {
  const { machine, program, input, redactor, watch } = options;
  try {
    const parsed = parse(program.input, input, `the input of ${program.name}`);
    const context = new EmbeddedContext(options, machine, machine.root);
    const given = await insideProgram(watch, async () => program.run(context, parsed));
    return outsideProgram(() => {
      const output = parse(program.output, given, `the output of ${program.name}`);
      const json = output === undefined ? undefined : toJournalValue(output, "the output", redactor);
      return { status: "completed", ...(json === undefined ? {} : { output: json }), outputHash: hashValue(json) };
    });
  } catch (error) {
    return { status: "failed", error: toGloveboxError(error).toBody() };
  }
}

/** `invalid_argument`, saying which fields. */
export function parse<T>(schema: Program<T>["input"], value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const [first] = issues;
  throw new GloveboxError("invalid_argument", `${what}: ${first?.path ?? ""} ${first?.message ?? "does not fit"}`, {
    details: { issues: issues.slice(0, 20) },
  });
}

async function orLeftBehind(program: Promise<Outcome>, { machine, graceMs }: LifeOptions): Promise<Outcome> {
  const settled = new AbortController();
  const ended = new Promise<void>((resolve) =>
    machine.root.signal.addEventListener("abort", () => resolve(), { once: true }),
  );
  const leftBehind = ended.then(async (): Promise<Outcome> => {
    await delay(graceMs, undefined, { signal: settled.signal }).catch(() => {});
    return { status: "failed", error: { code: "timeout", message: "the program did not end when it was told to" } };
  });
  const outcome = await Promise.race([program, leftBehind]);
  settled.abort();
  return outcome;
}

/** Undoes what was done, last first. Resolves to the paths whose undoing failed; the others are undone all the same. */
async function compensate(machine: Machine): Promise<string[]> {
  const scope = new Scope("compensate/");
  const failed: string[] = [];
  for (let next = machine.compensations.takeLast(); next !== undefined; next = machine.compensations.takeLast()) {
    const { path, result, compensate: undo, retry } = next;
    const options = retry === undefined ? {} : { retry };
    const work = (_input: unknown, context: Parameters<typeof undo>[1]) => undo(result, context);
    try {
      await machine.ask(scope, `compensate/${path}`, { kind: "compensation", work, options }, result);
    } catch {
      failed.push(path);
    }
  }
  return failed;
}
