import { z } from "zod";
import type { Agent, AgentHost } from "../../packages/glovebox/src/agents/agent.ts";
import { CodeThreads } from "../../packages/glovebox/src/agents/code/code-threads.ts";
import { debugAgent } from "../../packages/glovebox/src/agents/debug/debug-agent.ts";
import type { AgentOutcome } from "../../packages/glovebox/src/agents/messages/result.ts";
import { runTests } from "../../packages/glovebox/src/agents/test-exec/run-tests.ts";
import { makeRepository } from "../../packages/glovebox/src/agents/testing/repository.ts";
import { Workbench } from "../../packages/glovebox/src/agents/workbench/workbench.ts";
import { defineProgram, type ProgramContext } from "../../packages/glovebox/src/engine/index.ts";
import { openRunStage, type RunStage } from "../../packages/glovebox/src/runs/testing/run-stage.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import type { BuggyProgram } from "./read-programs.ts";

/** What came of one program. */
export interface RepairResult {
  readonly program: BuggyProgram;
  /** Place of the faulty line among the suspects, from 1; undefined: it is not among them. `rankByCoverage`: before any change was tried. */
  readonly rankByCoverage?: number;
  readonly rank?: number;
  /** `overfitted`: it passes the tests that it saw, and fails the hidden ones. */
  readonly verdict: "repaired" | "overfitted" | "unrepaired";
  readonly diff?: string;
  readonly tried?: number;
  readonly ms: number;
}

const AT_ONCE = 2;

/** Gives programs to the agent `debug`, each in a sandbox of its own, and judges its repairs by tests that it did not see. In the order of the programs. */
export async function repairPrograms(
  programs: readonly BuggyProgram[],
  onResult: (result: RepairResult) => void = () => {},
): Promise<readonly RepairResult[]> {
  await using stage = await openRunStage();
  await using code = new CodeThreads();
  const results = new Array<RepairResult>(programs.length);
  const waiting = programs.entries();
  const work = async () => {
    for (const [at, program] of waiting) {
      const result = await repairOne(stage, code, program);
      results[at] = result;
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return results;
}

async function repairOne(stage: RunStage, code: CodeThreads, program: BuggyProgram): Promise<RepairResult> {
  await using repository = await makeRepository({
    [program.path]: program.faulty,
    [program.visible.path]: program.visible.text,
  });
  const begun = performance.now();
  const judged = defineProgram({
    name: `repair-${program.language}-${program.name}`,
    version: "1",
    input: z.unknown(),
    output: z.unknown(),
    run: async (run) => {
      const template = program.language === "python" ? "python" : "node";
      const source = { kind: "folder", path: repository.path } as const;
      const bench = await Workbench.open(run, { sandboxes: stage.sandboxes, folders: true }, source, { template });
      return judge(run, bench, code, program);
    },
  });
  const id = await stage.start(judged, {});
  const result = await stage.engine.result(TENANT, id, AbortSignal.timeout(600_000));
  return { program, ...(result as Awaited<ReturnType<typeof judge>>), ms: performance.now() - begun };
}

async function judge(run: ProgramContext, bench: Workbench, code: CodeThreads, program: BuggyProgram) {
  const host = { run, bench, code };
  const seen = await ask(debugAgent, host, { repair: false });
  // Bounded by changes alone: what is found does not depend on what else the machine does.
  const outcome = await ask(debugAgent, host, { budget: { sandboxSeconds: 3_600 } });
  const ranks = { ...rankOf("rankByCoverage", seen, program), ...rankOf("rank", outcome, program) };
  if (outcome.delta.kind !== "diff") {
    const tried = outcome.delta.kind === "summary" ? outcome.delta.data?.tried : undefined;
    return { ...ranks, verdict: "unrepaired" as const, ...(typeof tried === "number" && { tried }) };
  }
  await bench.apply("apply", outcome.delta.diff);
  await bench.work("hidden tests", {}, (_input, inside) => inside.writeFile(program.hidden.path, program.hidden.text));
  const report = await runTests(bench, "judge", { testTimeoutMs: 10_000 });
  const verdict: RepairResult["verdict"] = report.status === "passed" ? "repaired" : "overfitted";
  return { ...ranks, verdict, diff: outcome.delta.diff.text };
}

function ask<P>(agent: Agent<P>, host: AgentHost, payload: unknown): Promise<AgentOutcome> {
  const head = { type: "debug" as const, id: "debug-1", runId: host.run.runId, agent: agent.name };
  const rest = { constraints: {}, traceId: "bench", protocolVersion: 1 as const };
  return agent.work(host, { ...head, ...rest, payload: agent.payload.parse(payload) });
}

function rankOf<K extends string>(key: K, { artifacts }: AgentOutcome, program: BuggyProgram): { [P in K]?: number } {
  const list = artifacts.find(({ kind }) => kind === "candidate_list");
  const ranked = list?.kind === "candidate_list" ? list.candidates : [];
  const at = ranked.findIndex(({ path, line }) => path === program.path && program.faultyLines.includes(line ?? 0));
  return (at < 0 ? {} : { [key]: at + 1 }) as { [P in K]?: number };
}
