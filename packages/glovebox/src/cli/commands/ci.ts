import type { Command } from "commander";
import { addCiList } from "../ci/list.ts";
import { addCiPlan } from "../ci/plan.ts";

/** GitHub's workflows, of the checkout at hand and on the server. */
export function addCi(program: Command): void {
  const ci = program.command("ci").description("Run the repository's GitHub workflows in sandboxes");
  addCiList(ci);
  addCiPlan(ci);
}
