import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost, TaskOf } from "../agent.ts";
import { readLayout } from "../layout/read-layout.ts";
import { changes } from "../messages/make-message.ts";
import type { AgentOutcome } from "../messages/result.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import type { Workbench } from "../workbench/workbench.ts";
import { formatted } from "./finish.ts";
import type { FunctionSpec } from "./function-spec.ts";
import { readGoal } from "./goals/read-goal.ts";
import { writeByModel } from "./model/write-by-model.ts";
import { CodegenPayload } from "./payload.ts";
import { writeFunction } from "./write-function.ts";

/** Writes code: what it is given, what its templates say, or what a model proposes and the checks find good. It proposes a diff, and applies nothing. */
export const codegenAgent: Agent<CodegenPayload> = {
  name: "codegen",
  capabilities: ["codegen"],
  description:
    "Creates or changes files: from given content, from templates, or by a model whose proposals are checked",
  payload: CodegenPayload,
  async work(host, task) {
    const bench = benchOf(host);
    const { payload } = task;
    if (payload.path !== undefined) checkRepositoryPath(payload.path);
    if (payload.file !== undefined) return await writeFile(host, bench, payload.file);
    return await write(host, bench, task);
  },
};

function benchOf({ bench }: AgentHost): Workbench {
  if (bench === undefined)
    throw new GloveboxError("invalid_argument", "codegen works on a repository, and there is none");
  return bench;
}

async function writeFile(
  host: AgentHost,
  bench: Workbench,
  file: { path: string; content: string },
): Promise<AgentOutcome> {
  checkRepositoryPath(file.path);
  const { layout } = await readLayout(bench, "repository", "python");
  const diff = await bench.work("write", file, async ({ path, content }, repository) => {
    const before = (await repository.readFileIfAny(path)) ?? null;
    const after = await formatted(
      { path, before, text: content },
      { layout, code: host.code, signal: repository.signal },
    );
    return makeDiff([{ path, before, after }]);
  });
  return changes(diff);
}

/** A model writes what a template cannot: goals in words, and functions that are given without their body. */
async function write(host: AgentHost, bench: Workbench, { payload }: TaskOf<CodegenPayload>): Promise<AgentOutcome> {
  const { layout } = await readLayout(bench, "repository", payload.language);
  const { model } = host;
  const goal = payload.function === undefined ? (payload.goal ?? "") : describe(payload.function, payload.path);
  if (model !== undefined && payload.function?.body === undefined)
    return await writeByModel({ ...host, bench, model }, { goal, payload, layout });
  const spec = payload.function ?? readGoal(goal, layout.language);
  const wish = { spec, path: payload.path, test: payload.test };
  const diff = await bench.work("write", wish, async (given, repository) =>
    makeDiff(await writeFunction(given, { layout, code: host.code, repository })),
  );
  return changes(diff);
}

/** A function as a goal in words. */
function describe({ name, params, returns, doc, examples }: FunctionSpec, path: string | undefined): string {
  const listed = params.map(({ name: param, type }) => (type === undefined ? param : `${param}: ${type}`)).join(", ");
  const cases = examples.map(
    (one) => `- ${JSON.stringify(one.args)} ${"throws" in one ? "throws" : `gives ${JSON.stringify(one.returns)}`}`,
  );
  const where = path === undefined ? "" : ` in ${path}`;
  return [
    `Write the function ${name}(${listed})${returns === undefined ? "" : ` -> ${returns}`}${where}, and a test of it. ${doc}`,
    ...cases,
  ].join("\n");
}
