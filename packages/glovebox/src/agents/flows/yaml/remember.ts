import { DocumentInputSchema, type Scope as DocumentScope } from "../../../context/index.ts";
import { GloveboxError } from "../../../core/index.ts";
import type { RunDocument } from "../../../runs/index.ts";
import type { FlowScope } from "../flow-scope.ts";
import type { Scope } from "./expressions.ts";
import type { RememberStep } from "./flow-file.ts";
import type { StepValue } from "./step-value.ts";
import { fillTemplate, type Template } from "./template.ts";

/** What a step says for the scope of the run that it is in. */
const OWN_SCOPE = "run";

/** What can be seen to be wrong before anything runs: of what has no expressions in it. */
export function documentProblems(
  step: RememberStep,
): readonly { readonly field: readonly (string | number)[]; readonly message: string }[] {
  const { path, scope, metadata } = DocumentInputSchema.shape;
  const parts: readonly [
    field: string,
    template: Template | undefined,
    schema: typeof path | typeof scope | typeof metadata,
  ][] = [
    ["path", step.path, path],
    ["scope", step.documentScope, scope],
    ["metadata", step.metadata, metadata],
  ];
  return parts.flatMap(([field, template, schema]) => {
    if (template?.kind !== "value" || (field === "scope" && template.value === OWN_SCOPE)) return [];
    const parsed = schema.safeParse(template.value);
    if (parsed.success) return [];
    if (field === "scope")
      return [{ field: [field], message: "a scope is global, run, session:ID, task:ID or run:ID" }];
    return parsed.error.issues.slice(0, 5).map((issue) => {
      const within = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
      const message =
        issue.code === "invalid_key" ? "a name has letters, digits, _ and -, at most 64 of them" : issue.message;
      return { field: [field, ...within], message };
    });
  });
}

/** Writes the document as a step of the run, which is found again in a replay and taken back with the run. Errors: as of `ContextStore.add`; `unavailable` where there is no context store. */
export async function remember(scope: FlowScope, step: RememberStep, id: string, known: Scope): Promise<StepValue> {
  const { documents } = await scope.documents.add(scope.run, `remember ${id}`, [
    documentOf(step, scope.run.runId, known),
  ]);
  const [written] = documents;
  if (written === undefined) throw new GloveboxError("internal", "nothing was written");
  const { id: document, version, state } = written;
  return { status: "done", text: `${state} in version ${version}`, output: { id: document, version, state } };
}

function documentOf(step: RememberStep, runId: string, known: Scope): RunDocument {
  const content = fillTemplate(step.content, known);
  const path = step.path === undefined ? undefined : asText(fillTemplate(step.path, known));
  const scope = asText(fillTemplate(step.documentScope, known));
  const metadata = step.metadata === undefined ? undefined : fillTemplate(step.metadata, known);
  return {
    kind: step.documentKind,
    scope: (scope === OWN_SCOPE ? `run:${runId}` : scope) as DocumentScope,
    content: asText(content),
    ...(path !== undefined && { path }),
    ...(metadata !== undefined && { metadata: metadata as Readonly<Record<string, unknown>> }),
  };
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
