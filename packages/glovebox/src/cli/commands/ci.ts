import type { Command } from "commander";
import { addInsights } from "../ci/insights.ts";
import { addCiList } from "../ci/list.ts";
import { addCiPlan } from "../ci/plan.ts";
import { addRepo } from "../ci/repo.ts";
import { addCiRun } from "../ci/run.ts";
import { addServe } from "../ci/serve.ts";
import { addServerRuns } from "../ci/server-runs.ts";
import { addTranslate } from "../ci/translate.ts";

/** GitHub's workflows, of the checkout at hand and on the server. */
export function addCi(program: Command): void {
  const ci = program.command("ci").description("Run the repository's GitHub workflows in sandboxes");
  addCiRun(ci);
  addCiList(ci);
  addCiPlan(ci);
  addServerRuns(ci);
  addInsights(ci);
  addTranslate(ci);
  addRepo(ci);
  addServe(ci);
}
