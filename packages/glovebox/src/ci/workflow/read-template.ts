import { TemplateContext, TemplateValidationErrors } from "@actions/workflow-parser/templates/template-context";
import { readTemplate as validate } from "@actions/workflow-parser/templates/template-reader";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { TokenRange } from "@actions/workflow-parser/templates/tokens/token-range";
import { NoOperationTraceWriter } from "@actions/workflow-parser/templates/trace-writer";
import { LineCounter } from "yaml";
import { composeYaml } from "./compose-yaml.ts";
import { EventReader } from "./event-reader.ts";
import { githubSchema, type SchemaName } from "./github-schema.ts";
import type { Problems } from "./problems.ts";
import { rangeOf, YamlEvents, YamlLimitError } from "./yaml-events.ts";

/** More than ten times what GitHub's largest known workflows have. */
const MAX_BYTES = 1024 * 1024;

const ROOTS: Readonly<Record<SchemaName, string>> = { workflow: "workflow-root-strict", action: "action-root" };

/** A file that was held against GitHub's schema. */
export interface Template {
  readonly context: TemplateContext;
  readonly root: TemplateToken;
  /** See `YamlEvents.texts`. */
  readonly texts: ReadonlyMap<TokenRange, string>;
}

/** Reads YAML and holds it against GitHub's schema. Undefined where it is no YAML, or too much; why is in `problems`. */
export function readTemplate(name: SchemaName, text: string, problems: Problems): Template | undefined {
  if (Buffer.byteLength(text) > MAX_BYTES) {
    problems.add(`The maximum file size of ${MAX_BYTES} bytes has been exceeded`, undefined);
    return undefined;
  }
  const context = new TemplateContext(
    new TemplateValidationErrors(100),
    githubSchema(name),
    new NoOperationTraceWriter(),
  );
  const fileId = context.getFileId(problems.path);
  try {
    const yaml = readYaml(text, problems, fileId);
    if (yaml === undefined) return undefined;
    const root = validate(context, ROOTS[name], new EventReader(yaml.events), fileId) as TemplateToken | undefined;
    return root === undefined ? copyErrors(context, problems) : { context, root, texts: yaml.texts };
  } catch (error) {
    if (error instanceof YamlLimitError) problems.add(error.message, error.range);
    else throw error;
    return undefined;
  }
}

/** Moves what the library found into `problems`. */
export function copyErrors(context: TemplateContext, problems: Problems): undefined {
  for (const error of context.errors.getErrors()) problems.add(error.rawMessage, error.range);
  context.errors.clear();
}

function readYaml(text: string, problems: Problems, fileId: number): YamlEvents | undefined {
  const lines = new LineCounter();
  const document = composeYaml(text, lines);
  for (const error of document.errors) problems.add(error.message, rangeOf(lines, error.pos[0], error.pos[1]));
  for (const warning of document.warnings) {
    if (warning.code === "TAG_RESOLVE_FAILED")
      problems.add(warning.message, rangeOf(lines, warning.pos[0], warning.pos[1]));
  }
  return problems.hasErrors ? undefined : new YamlEvents(document, lines, fileId);
}
