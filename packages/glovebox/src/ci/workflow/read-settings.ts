import { isMapping } from "@actions/workflow-parser/templates/tokens/type-guards";
import { omitUndefined } from "./omit-undefined.ts";
import type { TemplateToken, TokenReader } from "./token-reader.ts";
import type { Concurrency, Defaults, Permissions } from "./workflow.ts";

/** What workflows and jobs say in the same words. */

export function readDefaults(tokens: TokenReader, token: TemplateToken | undefined): Defaults {
  const run = tokens.fields(tokens.fields(token).get("run"));
  return omitUndefined({
    shell: tokens.optionalText(run.get("shell")),
    workingDirectory: tokens.optionalText(run.get("working-directory")),
  });
}

export function readConcurrency(tokens: TokenReader, token: TemplateToken): Concurrency {
  if (!isMapping(token)) return { group: tokens.text(token), cancelInProgress: false };
  const fields = tokens.fields(token);
  const cancel = fields.get("cancel-in-progress");
  const queue = fields.get("queue");
  if (queue !== undefined && tokens.text(queue) !== "single") {
    tokens.problems.add("Of 'queue' only 'single' is supported: one run waits, a newer one takes its place", queue);
  }
  return {
    group: tokens.optionalText(fields.get("group")) ?? "",
    cancelInProgress: cancel === undefined ? false : tokens.boolean(cancel),
  };
}

export function readPermissions(tokens: TokenReader, token: TemplateToken): Permissions {
  if (isMapping(token)) return tokens.record(token) as Permissions;
  const text = tokens.text(token);
  return text === "read-all" || text === "write-all" ? text : {};
}
