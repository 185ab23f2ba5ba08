import type { AgentInfo, QueuedTask, QueuedTaskState } from "@glovebox/sdk";
import { type Command, Option } from "commander";
import { openClient } from "../../connect.ts";
import { formatFor, printJson, printRecord, printTable } from "../../render/print.ts";
import { flagsOf } from "../options.ts";
import { addPaging, type PagingFlags, printPages } from "../paging.ts";

const STATES: readonly QueuedTaskState[] = ["queued", "leased", "completed", "failed", "dead"];

export function addList(agents: Command): void {
  agents
    .command("list")
    .description("List the agents, with what they do and whether they are idle, busy or down")
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const { items } = await (await openClient(flags)).agents.list();
      const format = formatFor(flags);
      if (format === "json") return printJson(items);
      await printTable<AgentInfo>(
        items,
        [
          { title: "AGENT", value: ({ name }) => name },
          { title: "KIND", value: ({ kind }) => kind },
          { title: "STATUS", value: ({ status }) => status },
          {
            title: "LOAD",
            value: ({ load, maxTasks }) => (maxTasks === undefined ? `${load}` : `${load} of ${maxTasks}`),
          },
          { title: "DOES", value: ({ capabilities }) => capabilities.join(", ") },
          { title: "DESCRIPTION", value: ({ description }) => description },
        ],
        { format, empty: "no agents" },
      );
    });
}

export function addShow(agents: Command): void {
  agents
    .command("show <agent>")
    .description("Show an agent")
    .action(async (name: string, _options, command: Command) => {
      const flags = flagsOf(command);
      const agent = await (await openClient(flags)).agents.get(name);
      const format = formatFor(flags);
      if (format === "json") return printJson(agent);
      printRecord(
        [
          ["agent", `${agent.name} (${agent.kind})`],
          ["does", agent.capabilities.join(", ")],
          ["description", agent.description],
          ["status", agent.status],
          ["load", agent.maxTasks === undefined ? agent.load : `${agent.load} of ${agent.maxTasks}`],
          ["registered", agent.registeredAt],
          ["last seen", agent.lastSeenAt],
        ],
        format,
      );
    });
}

export function addTasks(agents: Command): void {
  const tasks = agents
    .command("tasks")
    .description("List the tasks of outside agents; with --state dead those whose attempts are used up")
    .addOption(new Option("--state <state>", "only those").choices(STATES))
    .option("--agent <name>", "only those of one agent");
  addPaging(tasks).action(async (_options, command: Command) => {
    const flags = flagsOf<PagingFlags & { state?: QueuedTaskState; agent?: string }>(command);
    const { state, agent } = flags;
    const box = await openClient(flags);
    await printPages<QueuedTask>(flags, (page) => box.tasks.list({ ...page, state, agent }), {
      format: formatFor(flags),
      columns: [
        { title: "ID", value: ({ id }) => id },
        { title: "TYPE", value: ({ type }) => type },
        { title: "AGENT", value: ({ agent: name }) => name ?? "anybody" },
        { title: "STATE", value: ({ state: now }) => now },
        { title: "ATTEMPTS", value: ({ attempts }) => String(attempts.length) },
        { title: "RUN", value: ({ runId }) => runId },
        { title: "SUMMARY", value: ({ summary }) => summary ?? "" },
      ],
      empty: "no tasks",
    });
  });
}
