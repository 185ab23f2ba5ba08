import { GloveboxError } from "../../core/index.ts";
import { bindInputs } from "../workflow/bind-inputs.ts";
import { matchesEvent, type TriggerEvent } from "../workflow/matches-event.ts";
import { fileReader } from "../workflow/read-files.ts";
import type { Workflow } from "../workflow/workflow.ts";
import type { JsonObject } from "./run-input.ts";
import type { WorkflowFile } from "./sources.ts";

/** A workflow file that an event starts. */
export interface ChosenWorkflow {
  readonly file: WorkflowFile;
  /** As shown until the run has read it: the path of a file that is wrong. */
  readonly name: string;
  readonly inputs: JsonObject;
}

export interface Choice {
  readonly event: Omit<TriggerEvent, "changedFiles">;
  readonly inputs: JsonObject;
  /** Only these, whatever their filters say. */
  readonly only?: readonly string[];
  /** Looked up once, if any filter asks. */
  readonly changedFiles: () => Promise<readonly string[] | undefined>;
}

/**
 * Which workflows an event starts. A file that is wrong is chosen too where it may be meant: its run fails, and says why. `not_found` names a file that is not there,
 * `invalid_argument` an input that does not fit.
 */
export async function chooseWorkflows(
  files: readonly WorkflowFile[],
  choice: Choice,
): Promise<readonly ChosenWorkflow[]> {
  const { only } = choice;
  const missing = only?.find((path) => !files.some((file) => file.path === path));
  if (missing !== undefined) {
    const known = files.map(({ path }) => path).join(", ");
    throw new GloveboxError("not_found", `there is no workflow ${missing}`, {
      details: { path: "workflows", hint: known === "" ? "there are none in .github/workflows" : `there are ${known}` },
    });
  }
  const wanted = files.filter(({ path }) => only?.includes(path) ?? true);
  const read = async (file: WorkflowFile) => ({ file, workflow: (await fileReader.workflow(file)).workflow });
  const parsed = await Promise.all(wanted.map(read));
  const asksForPaths = parsed.some(({ workflow }) => hasPaths(workflow, choice.event.name));
  const changedFiles = only === undefined && asksForPaths ? await choice.changedFiles() : undefined;
  const event = { ...choice.event, ...(changedFiles !== undefined && { changedFiles }) };
  return parsed
    .filter(({ workflow }) => {
      if (only !== undefined) return true;
      // As on GitHub: nothing can be known of its triggers, and a push is when people look.
      return workflow === undefined ? event.name === "push" : matchesEvent(workflow, event);
    })
    .map(({ file, workflow }) => ({
      file,
      name: workflow?.name ?? file.path,
      inputs: inputsOf(workflow, event.name, choice.inputs),
    }));
}

function hasPaths(workflow: Workflow | undefined, event: string): boolean {
  const filter = workflow?.on.events[event];
  return filter?.paths !== undefined || filter?.pathsIgnore !== undefined;
}

function inputsOf(workflow: Workflow | undefined, event: string, given: JsonObject): JsonObject {
  if (workflow === undefined) return {};
  const { dispatch, call } = workflow.on;
  if (event === "workflow_dispatch" && dispatch !== undefined) return bindInputs(dispatch.inputs, given);
  // `ci run` of a reusable workflow, as a caller would run it.
  if (event === "workflow_call" && call !== undefined) return bindInputs(call.inputs, given);
  if (Object.keys(given).length === 0) return {};
  throw new GloveboxError("invalid_argument", `${workflow.path} takes inputs with workflow_dispatch only`, {
    details: { path: "inputs" },
  });
}
