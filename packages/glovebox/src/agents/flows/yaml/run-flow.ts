import { GloveboxError, isGloveboxError, toGloveboxError } from "../../../core/index.ts";
import { isRetryable, runTasks } from "../../../engine/index.ts";
import type { Diff } from "../../messages/diff.ts";
import { editedDiff } from "../edited-diff.ts";
import type { FlowEnd } from "../flow-result.ts";
import type { FlowScope } from "../flow-scope.ts";
import { type BranchResult, best, concatenation, vote } from "../patterns/aggregate.ts";
import { parallel } from "../patterns/parallel.ts";
import { inside, type Worker } from "../patterns/worker.ts";
import { allSteps, needsOf } from "./check-flow.ts";
import type { Scope } from "./expressions.ts";
import type { FlowFile, FlowStep, ForEachStep, ParallelStep, PersonStep, UntilStep } from "./flow-file.ts";
import { remember } from "./remember.ts";
import { agentValue, asDiff, failedValue, type StepValue } from "./step-value.ts";
import { fillTemplate } from "./template.ts";

/** Items of one `for_each`. */
const MAX_ITEMS = 100;

/** Where a step stands when it is done. */
interface Place {
  readonly scope: FlowScope;
  /** What the steps before it came to. */
  readonly values: Map<string, StepValue>;
  readonly variables: Pick<Scope, "input" | "item" | "index" | "round">;
  /** Tells one round, or one item, from the others. */
  readonly suffix: string;
  /** Whether diffs of agents are applied at once: not where branches compete. */
  readonly applies: boolean;
}

/** Does a flow. What a step fails with ends it, unless the step says otherwise, and is its result; only what ends the run, and a budget that is used up, is thrown. */
export async function runFlow(
  flow: FlowFile,
  scope: FlowScope,
  input: Readonly<Record<string, unknown>>,
): Promise<FlowEnd> {
  const values = new Map<string, StepValue>();
  const place: Place = { scope, values, variables: { input }, suffix: "", applies: flow.repository };
  const end = await runSteps(place, flow.steps).then(
    () => ({ status: "completed" as const, output: outputOf(flow, place) }),
    (error: unknown) => {
      const { code, message } = toGloveboxError(error);
      if (scope.endsWith(error)) throw error;
      return { status: "failed" as const, reason: message.slice(0, 4_000), output: { error: { code, message } } };
    },
  );
  sortReports(flow, scope);
  return end;
}

function outputOf(flow: FlowFile, place: Place): unknown {
  if (flow.output !== undefined) return fillTemplate(flow.output, scopeOf(place));
  const last = flow.steps.at(-1);
  return last === undefined ? null : (place.values.get(last.id) ?? null);
}

async function runSteps(place: Place, steps: readonly FlowStep[]): Promise<void> {
  if (steps.every(({ needs }) => needs === undefined)) {
    for (const step of steps) await runStep(place, step);
    return;
  }
  const nodes = steps.map((step, index) => ({ id: step.id, after: needsOf(step, steps[index - 1]), task: step }));
  await runTasks(
    place.scope.run,
    nodes,
    async (run, { task }) => {
      await runStep({ ...place, scope: place.scope.within(run) }, task);
      return { result: null };
    },
    { name: `steps${place.suffix}` },
  );
}

async function runStep(place: Place, step: FlowStep): Promise<void> {
  const { scope, values } = place;
  const id = `${step.id}${place.suffix}`;
  const agent = step.kind === "agent" ? { agent: step.agent } : {};
  if (step.if !== undefined && !step.if.test(scopeOf(place))) {
    values.set(step.id, { status: "skipped" });
    return scope.report({ id, ...agent, status: "skipped", summary: `unless ${step.if.text}` });
  }
  try {
    const value = await attempts(place, step, id);
    values.set(step.id, value);
    await scope.report({ id, ...agent, status: "done", summary: value.text ?? "" });
  } catch (error) {
    const isOver = scope.run.signal.aborted;
    if (isOver || isGloveboxError(error, "cancelled")) throw error;
    const failure = toGloveboxError(error);
    values.set(step.id, failedValue(failure));
    await scope.report({ id, ...agent, status: "failed", summary: `${failure.code}: ${failure.message}` });
    if (step.onError === "fail") throw error;
    if (step.onError !== "continue") await runSteps(place, step.onError);
  }
}

async function attempts(place: Place, step: FlowStep, id: string): Promise<StepValue> {
  for (let attempt = 1; ; attempt++) {
    const own = attempt === 1 ? id : `${id}.again${attempt}`;
    try {
      return await bounded(place, step, own);
    } catch (error) {
      if (attempt >= step.attempts || place.scope.endsWith(error) || !isWorthAnother(error)) throw error;
      await place.scope.run.sleep(step.delayMs * 2 ** (attempt - 1));
    }
  }
}

/** What would only be refused again is not tried again. */
function isWorthAnother(error: unknown): boolean {
  const known = toGloveboxError(error);
  return (
    isRetryable(known) || ["test_failed", "conflict", "deadline_exceeded", "timeout", "internal"].includes(known.code)
  );
}

/** An agent's limits are its task's, a person's time is the waiting's; the others are held to theirs here. */
function bounded(place: Place, step: FlowStep, id: string): Promise<StepValue> {
  if (step.kind === "agent" || isPerson(step)) return work(place, step, id);
  return place.scope.timed(step.timeoutMs, id, (timed) =>
    timed.budgeted(step.budget, id, (scope) => work({ ...place, scope }, step, id)),
  );
}

async function work(place: Place, step: FlowStep, id: string): Promise<StepValue> {
  if (isPerson(step)) return askSomebody(place, step, id);
  switch (step.kind) {
    case "agent":
      return askAgent(place, step, id);
    case "parallel":
      return branches(place, step, id);
    case "for_each":
      return each(place, step, id);
    case "until":
      return rounds(place, step, id);
    case "group":
      await inside(place.scope.run, id, (run) => runSteps({ ...place, scope: place.scope.within(run) }, step.steps));
      return { status: "done", text: `${step.steps.length} steps` };
    case "apply": {
      const diff = asDiff(fillTemplate(step.diff, scopeOf(place)), "what is to be applied");
      const files = await place.scope.apply(id, diff, step.onDrift);
      return { status: "done", text: `${files} files changed`, output: { files } };
    }
    case "remember":
      return remember(place.scope, step, id, scopeOf(place));
  }
}

async function askAgent(place: Place, step: Extract<FlowStep, { kind: "agent" }>, id: string): Promise<StepValue> {
  const { agent, task, budget, timeoutMs, apply = place.applies } = step;
  const payload = fillTemplate(step.input, scopeOf(place)) as Record<string, unknown>;
  const outcome = await place.scope.agent({
    id,
    agent,
    payload,
    ...(task !== undefined && { type: task }),
    ...(budget !== undefined && { budget }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  const value = agentValue(outcome);
  if (apply && value.diff != null) await place.scope.apply(id, value.diff);
  return value;
}

async function branches(place: Place, step: ParallelStep, id: string): Promise<StepValue> {
  const { aggregate, concurrency, apply } = step;
  const workers: Record<string, Worker<null, StepValue>> = {};
  for (const branch of step.branches) {
    workers[branch.id] = async (run) => {
      await runStep({ ...place, scope: place.scope.within(run), applies: false }, branch);
      return place.values.get(branch.id) ?? { status: "skipped" };
    };
  }
  const options = { name: id, ...(concurrency !== undefined && { concurrency }) };
  const all = (_run: unknown, results: readonly BranchResult<StepValue>[]) => Promise.resolve(results);
  const results = await parallel(place.scope.run, null, workers, all, options);
  const done = results.filter(({ result }) => result.status === "done");
  const value = {
    status: "done" as const,
    branches: Object.fromEntries(results.map(({ branch, result }) => [branch, result])),
    text: `${done.length} of ${results.length} branches done`,
  };
  if (aggregate === undefined) return value;
  const made = await aggregated(place, step, aggregate, done);
  const diff = (made.output as { readonly diff?: Diff | null } | undefined)?.diff;
  if (apply && diff != null) await place.scope.apply(id, diff);
  return { ...value, ...made };
}

async function aggregated(
  place: Place,
  step: ParallelStep,
  how: NonNullable<ParallelStep["aggregate"]>,
  results: readonly BranchResult<StepValue>[],
): Promise<Pick<StepValue, "text" | "output"> & { readonly chosen?: string }> {
  const { run } = place.scope;
  const seen = (branch: StepValue) => ({ ...scopeOf(place), branch });
  switch (how.kind) {
    case "concatenation":
      return { text: await concatenation<StepValue>(({ text = "" }) => text)(run, results) };
    case "best": {
      const score = (branch: StepValue) => Number(how.score.evaluate(seen(branch)) ?? Number.NaN);
      const { branch, result, score: points } = await best(score)(run, results);
      return { chosen: branch, output: result, text: `${branch} is the best, with ${points}` };
    }
    case "vote": {
      const said = await vote((branch: StepValue) => how.value.evaluate(seen(branch)))(run, results);
      return { output: said, text: `${said.votes} of ${said.of} say ${JSON.stringify(said.value)}` };
    }
    case "synthesis": {
      const payload = fillTemplate(how.input, scopeOf(place)) as Record<string, unknown>;
      const id = `${step.id}${place.suffix}.synthesis`;
      const { text = "", output } = agentValue(await place.scope.agent({ id, agent: how.agent, payload }));
      return { text, output };
    }
  }
}

async function each(place: Place, step: ForEachStep, id: string): Promise<StepValue> {
  const items = fillTemplate(step.items, scopeOf(place));
  if (!Array.isArray(items)) throw new GloveboxError("invalid_argument", `${step.id}: what it goes through is no list`);
  if (items.length > MAX_ITEMS) {
    throw new GloveboxError("resource_exhausted", `${step.id}: a list of ${items.length}, at most ${MAX_ITEMS}`);
  }
  const workers = items.map((item: unknown, index): [string, Worker<null, unknown>] => [
    String(index),
    async (run) => {
      const values = new Map(place.values);
      const variables = { ...place.variables, item, index };
      const scope = place.scope.within(run);
      await runSteps({ ...place, scope, values, variables, suffix: `${place.suffix}.${index}` }, step.steps);
      return Object.fromEntries(step.steps.map((one) => [one.id, values.get(one.id) ?? null]));
    },
  ]);
  const { concurrency } = step;
  const all = (_run: unknown, given: readonly BranchResult<unknown>[]) => Promise.resolve(given);
  const results = await parallel(place.scope.run, null, Object.fromEntries(workers), all, { name: id, concurrency });
  return { status: "done", text: `${results.length} items`, results: results.map(({ result }) => result) };
}

async function rounds(place: Place, step: UntilStep, id: string): Promise<StepValue> {
  for (let round = 1; round <= step.maxRounds; round++) {
    const variables = { ...place.variables, round };
    const suffix = `${place.suffix}.r${round}`;
    await inside(place.scope.run, `${id} round ${round}`, (run) =>
      runSteps({ ...place, scope: place.scope.within(run), variables, suffix }, step.steps),
    );
    if (step.until.test(scopeOf({ ...place, variables }))) {
      return { status: "done", text: `after ${round} rounds`, output: { rounds: round } };
    }
  }
  throw new GloveboxError("test_failed", `not met in ${step.maxRounds} rounds: ${step.until.text}`);
}

async function askSomebody(place: Place, step: PersonStep, id: string): Promise<StepValue> {
  const text = String(fillTemplate(step.text, scopeOf(place)));
  const given = step.diff === undefined ? undefined : asDiff(fillTemplate(step.diff, scopeOf(place)), "what is shown");
  const question = {
    id,
    kind: step.kind,
    text,
    ...(given !== undefined && { diff: given.text }),
    ...(step.choices !== undefined && { choices: [...step.choices] }),
  };
  const { approved, answer, diff, comment = "" } = await place.scope.ask(question, step.timeoutMs);
  if (step.kind === "approve" && approved !== true) {
    throw new GloveboxError("policy_denied", `it was not approved${comment === "" ? "" : `: ${comment}`}`);
  }
  if (step.kind !== "edit" || diff === undefined || given === undefined) {
    return {
      status: "done",
      text: answer ?? comment,
      output: { approved: approved ?? null, answer: answer ?? null, comment },
    };
  }
  const edited = editedDiff(given, diff);
  if (place.applies) await place.scope.apply(id, edited);
  return { status: "done", text: comment, diff: edited, output: { comment } };
}

function isPerson(step: FlowStep): step is PersonStep {
  return step.kind === "approve" || step.kind === "edit" || step.kind === "ask";
}

function scopeOf({ values, variables }: Place): Scope {
  return { ...variables, steps: Object.fromEntries(values) };
}

/** As the flow has them: the order in which branches ended is chance. */
function sortReports(flow: FlowFile, { reports }: FlowScope): void {
  const order = new Map(allSteps(flow.steps).map(({ id }, index) => [id, index]));
  const place = (id: string) => order.get(id.split(".", 1)[0] ?? "") ?? order.size;
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  reports.sort((a, b) => place(a.id) - place(b.id) || compare(a.id, b.id));
}
