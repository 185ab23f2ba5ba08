import { type AgentRun, GloveboxError, type RunInfo, type TaskType } from "@glovebox/sdk";
import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { UsageError } from "../../failure.ts";
import { formatFor, jsonText, printJson } from "../../render/print.ts";
import { withSpinner } from "../../render/progress.ts";
import { flagsOf, secondsAsMs } from "../options.ts";
import { jsonArgument } from "../runs/json-argument.ts";

interface RunFlags {
  readonly payload?: string;
  readonly type?: string;
  readonly timeout?: number;
  readonly repository?: string;
  readonly ref?: string;
  readonly template?: string;
  readonly model?: string;
  readonly idempotencyKey?: string;
  readonly wait: boolean;
}

export function addRun(agents: Command): void {
  agents
    .command("run <agent>")
    .description("Have an agent, or `any` that does --type, do one task, and print its answer as JSON")
    .option("--payload <json>", "what it is to do: JSON, @FILE, or - for stdin", "{}")
    .option("--type <type>", "of the task; default: the first that it does")
    .option("--timeout <seconds>", "how long the task may take", secondsAsMs)
    .option("--repository <id>", "a repository that the server knows, to work on")
    .option("--ref <ref>", "of it: a branch, a tag, a commit; default: its default branch")
    .option("--template <template>", "of the sandbox that the repository lies in")
    .option("--model <name>", "a model that it may ask")
    .option("--idempotency-key <key>", "asking again with this key gives the first run")
    .option("--no-wait", "print the run's id, and do not wait for its answer")
    .action(async (agent: string, _options, command: Command) => {
      const flags = flagsOf<RunFlags>(command);
      const box = await openClient(flags);
      const { run } = await box.agents.run(agent, await inputOf(flags), { idempotencyKey: flags.idempotencyKey });
      const format = formatFor(flags);
      if (!flags.wait) {
        if (format === "json") printJson({ run });
        else process.stdout.write(`${run.id}\n`);
        return;
      }
      if (format === "human") {
        const { watchRun } = await import("../runs/watch.ts");
        await watchRun(box, run.id);
      }
      const result = await withSpinner(`run ${run.id}`, () => box.runs.wait(run.id));
      show(result.run, result.output as AgentRun["answer"]);
    });
}

async function inputOf(flags: RunFlags) {
  const payload = await jsonArgument(flags.payload ?? "{}", "--payload");
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw new UsageError("--payload is no JSON object", `--payload '{"goal": "…"}'`);
  }
  const { type, timeout, repository, ref, template, model } = flags;
  if (ref !== undefined && repository === undefined) throw new UsageError("--ref goes with --repository");
  return {
    payload: payload as Record<string, unknown>,
    ...(type !== undefined && { type: type as TaskType }),
    ...(timeout !== undefined && { constraints: { timeoutMs: timeout } }),
    ...(repository !== undefined && { repository: { kind: "repository" as const, repositoryId: repository, ref } }),
    ...(template !== undefined && { template }),
    ...(model !== undefined && { model }),
  };
}

/** The answer; an error of the agent is the command's. */
function show(run: RunInfo, answer: AgentRun["answer"]): void {
  if (answer === undefined) {
    const { code = "internal", message = run.status, details } = run.error ?? {};
    throw new GloveboxError(code, `run ${run.id} ${run.status}: ${message}`, details === undefined ? {} : { details });
  }
  if ("error" in answer) {
    const { code, message, details } = answer.error;
    throw new GloveboxError(code, `${answer.agent}: ${message}`, details === undefined ? {} : { details });
  }
  process.stdout.write(`${jsonText(answer, 2)}\n`);
}
