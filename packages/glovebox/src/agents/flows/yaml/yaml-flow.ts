import { z } from "zod";
import { GloveboxError } from "../../../core/index.ts";
import { defineFlow, type Flow } from "../define-flow.ts";
import type { KnownAgents } from "./check-flow.ts";
import type { FlowFile } from "./flow-file.ts";
import { flowInput } from "./flow-input.ts";
import { readFlow } from "./read-flow.ts";
import { runFlow } from "./run-flow.ts";

const JsonInput = z.record(z.string().max(100), z.unknown());

/** The name of the program that flows given as text are run as: the text is its input, so that a run goes on with the text it began with. */
export const TEXT_FLOWS = "text";

const TextInput = z.strictObject({ definition: z.string().max(262_144), values: JsonInput.default({}) });

/** Runs a flow that is given as text. With a repository and without are two flows: what a run is given is decided before it starts. */
export function textFlow(repository: boolean): Flow<z.infer<typeof TextInput>> {
  return defineFlow({
    name: repository ? TEXT_FLOWS : `${TEXT_FLOWS}-alone`,
    version: "1",
    description: "A flow in YAML",
    repository,
    input: TextInput,
    plan: [],
    run: async (scope, { definition, values }) => {
      const flow = flowOf(definition);
      return runFlow(flow, scope, flowInput(flow, values));
    },
  });
}

/** A flow as it is written. `invalid_argument` names the first thing that is wrong, with its place; `details.problems` has all. */
export function flowOf(definition: string, agents?: KnownAgents): FlowFile {
  const { flow, problems } = readFlow(definition, agents);
  if (flow !== undefined) return flow;
  const [first] = problems;
  const message =
    first === undefined ? "it is no flow" : `line ${first.line}, column ${first.column}: ${first.message}`;
  throw new GloveboxError("invalid_argument", `the flow cannot be run: ${message}`, {
    details: { path: "definition", problems },
  });
}
