import type { Command } from "commander";
import { openClient } from "../../connect.ts";
import { flagsOf } from "../options.ts";
import { addList, addShow, addTasks } from "./look.ts";
import { addRun } from "./run.ts";

export function addAgents(program: Command): void {
  const agents = program.command("agents").description("Agents: who works on repositories, built-in and from outside");
  addList(agents);
  addShow(agents);
  addRun(agents);
  addTasks(agents);
  agents
    .command("remove <agent>")
    .description("Remove an outside agent; what was queued for it goes to others")
    .action(async (agent: string, _options, command: Command) => {
      await (await openClient(flagsOf(command))).agents.remove(agent);
    });
}
