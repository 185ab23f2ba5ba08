import { readFile } from "node:fs/promises";
import type { FlowInfo } from "@glovebox/sdk";
import type { Command } from "commander";
import { flagsOf } from "../commands/options.ts";
import { openClient } from "../connect.ts";
import { EXIT, ExitError, UsageError } from "../failure.ts";
import { openServer } from "../own-server.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { onInterrupt } from "../run/interrupt.ts";
import { chooseFlow } from "./choice.ts";
import { addFlowRun, addInputOptions, type FlowRunFlags, requestOf, resultJson } from "./run.ts";
import { printFlowProblems, printInfo, printOutcome, printPlan } from "./show.ts";
import { watchFlow } from "./watch.ts";

/** What agents do together on a repository. */
export function addFlow(program: Command): void {
  const flow = program.command("flow").description("Run flows: agents that work together on a repository");
  addFlowRun(flow);
  addLook(flow);
  addCheck(flow);
  addAnswer(flow);
  addWatch(flow);
}

function addLook(flow: Command): void {
  flow
    .command("list")
    .description("List the flows that can be run by name")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      await using server = await openServer(flags, { name: "flow" });
      const found = await server.box.flows.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(found);
      await printTable<FlowInfo>(
        found.items,
        [
          { title: "NAME", value: ({ name }) => name },
          { title: "VERSION", value: ({ version }) => version },
          { title: "KIND", value: ({ kind }) => kind },
          { title: "DESCRIPTION", value: ({ description }) => description },
        ],
        { format, empty: "no flows" },
      );
    });
  flow
    .command("show <name>")
    .description("Show a flow: its input, what it does, and what it may use")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      await using server = await openServer(flags, { name: "flow" });
      const found = await server.box.flows.get(name);
      if (formatFor(flags) === "json") return printJson(found);
      printInfo(found);
      printPlan(found.plan);
    });
}

function addCheck(flow: Command): void {
  const check = async (name: string, command: Command, isDry: boolean) => {
    const flags = flagsOf<FlowRunFlags>(command);
    await using server = await openServer(flags, { name: "flow" });
    const { choice, ...more } = await chooseFlow(server.box, name);
    const request = isDry ? await requestOf({ choice, ...more }, flags) : choice;
    const validation = await server.box.flows.validate(request);
    if (formatFor(flags) === "json") printJson(validation);
    else if (isDry && validation.plan !== undefined) printPlan(validation.plan);
    else if (validation.ok) process.stdout.write(`${name}: nothing is wrong\n`);
    if (formatFor(flags) !== "json") printFlowProblems(name, validation);
    if (!validation.ok) throw new ExitError(EXIT.usage);
  };
  flow
    .command("validate <flow>")
    .description("Say what is wrong with a flow, by name or from a .yaml file")
    .action((name: string, _options, command: Command) => check(name, command, false));
  addInputOptions(
    flow.command("plan <flow>").description("Show what a flow would do with its input and may use; runs nothing"),
  ).action((name: string, _options, command: Command) => check(name, command, true));
}

function addAnswer(flow: Command): void {
  flow
    .command("answer <run>")
    .description("Answer what a run of a flow asks; without an answer shows the questions")
    .option("-q, --question <id>", "which, where it asks several")
    .option("--approve", "yes")
    .option("--reject", "no")
    .option("--answer <text>", "what is said")
    .option("--diff <file>", "the diff as it is to be")
    .option("--comment <text>", "kept with the run")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf<{
        question?: string;
        approve?: boolean;
        reject?: boolean;
        answer?: string;
        diff?: string;
        comment?: string;
      }>(command);
      const { question, approve, reject, answer, comment } = flags;
      const given = [approve, reject, answer, flags.diff].filter((one) => one !== undefined).length;
      if (given > 1) throw new UsageError("give one of --approve, --reject, --answer and --diff");
      const box = await openClient(flags);
      if (given === 0) {
        const { questions } = await box.flows.run(id);
        if (formatFor(flags) === "json") return printJson({ questions });
        for (const one of questions) {
          const choices = one.choices === undefined ? "" : ` (${one.choices.join(", ")})`;
          process.stdout.write(`${one.id}  ${one.kind}  ${one.text}${choices}\n${one.diff ?? ""}`);
        }
        return;
      }
      const view = await box.flows.answer(id, {
        question,
        comment,
        ...(approve === true && { approved: true }),
        ...(reject === true && { approved: false }),
        ...(answer !== undefined && { answer }),
        ...(flags.diff !== undefined && { diff: await readFile(flags.diff, "utf8") }),
      });
      if (formatFor(flags) === "json") printJson(resultJson(view, view.branch));
      else process.stdout.write(`${id}\tanswered\n`);
    });
}

function addWatch(flow: Command): void {
  flow
    .command("watch <run>")
    .description("Show a run of a flow until it has ended, and what came of it; Ctrl-C only ends the looking")
    .action(async (id: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const box = await openClient(flags);
      const interrupt = onInterrupt();
      try {
        const format = formatFor(flags);
        const view = await watchFlow(box, id, { format, signal: interrupt.signal });
        if (format === "json") printJson(resultJson(view, view.branch));
        else printOutcome(view, view.branch);
        if (view.status !== "completed") throw new ExitError(EXIT.failed);
      } finally {
        interrupt.stop();
      }
    });
}
