import type { Command } from "commander";
import { addDocuments } from "./documents.ts";
import { addIndex } from "./index-repository.ts";
import { addQuery } from "./query.ts";
import { addStates } from "./states.ts";

export function addContext(program: Command): void {
  const context = program
    .command("context")
    .description("Context: what agents know about a project, with versions, found by words and by nearness");
  addDocuments(context);
  addQuery(context);
  addIndex(context);
  addStates(context);
}
