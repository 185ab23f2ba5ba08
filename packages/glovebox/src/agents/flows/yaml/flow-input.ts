import { GloveboxError } from "../../../core/index.ts";
import type { FlowFile } from "./flow-file.ts";
import { isOfType } from "./read-flow.ts";

/** The input as the flow declares it, with what may be left out filled in. `invalid_argument` names the field that is wrong. */
export function flowInput(flow: FlowFile, given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(flow.input, name)) throw refused(name, "the flow has no such input");
  }
  return Object.fromEntries(
    Object.entries(flow.input).map(([name, field]) => {
      const value = given[name] ?? field.default ?? null;
      if (value === null && field.required) throw refused(name, "it is missing");
      if (value !== null && !isOfType(value, field.type)) throw refused(name, `it must be a ${field.type}`);
      const { choices } = field;
      const isChosen = (choice: unknown) => JSON.stringify(choice) === JSON.stringify(value);
      if (value !== null && choices !== undefined && !choices.some(isChosen)) {
        throw refused(name, `it must be one of ${choices.map((choice) => JSON.stringify(choice)).join(", ")}`);
      }
      return [name, value];
    }),
  );
}

function refused(name: string, why: string): GloveboxError {
  return new GloveboxError("invalid_argument", `input ${name}: ${why}`, { details: { path: `input.${name}` } });
}
