import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { FlowChoice, Glovebox } from "@glovebox/sdk";
import { UsageError } from "../failure.ts";

type Properties = Readonly<Record<string, { readonly type?: string }>>;

/** Which flow the words mean, and what it takes. */
export interface Choice {
  readonly choice: Pick<FlowChoice, "flow" | "definition">;
  readonly repository: boolean;
  /** Of its input, by name. */
  readonly schema: Properties;
}

/** A flow by its name, or of a file. Errors: `not_found`, `usage`. */
export async function chooseFlow(box: Glovebox, name: string): Promise<Choice> {
  if (/\.ya?ml$/.test(name)) return ofText(name);
  const known = /\.(ts|mts|js|mjs)$/.test(name) ? await onlyOfModule(name) : name;
  const { repository, input } = await box.flows.get(known);
  return { choice: { flow: known }, repository, schema: (input as { properties?: Properties }).properties ?? {} };
}

/** What is wrong with it the server says: here it is only read for what it takes. */
async function ofText(path: string): Promise<Choice> {
  const definition = await readFile(path, "utf8").catch((error: Error) => {
    throw new UsageError(`cannot read ${path}: ${error.message}`);
  });
  const { readFlow } = await import("../../agents/index.ts");
  const { flow } = readFlow(definition);
  return {
    choice: { definition },
    repository: flow?.repository ?? true,
    schema: Object.fromEntries(Object.entries(flow?.input ?? {}).map(([field, { type }]) => [field, { type }])),
  };
}

async function onlyOfModule(path: string): Promise<string> {
  const { loadFlows } = await import("../../agents/index.ts");
  const flows = await loadFlows([resolve(path)]);
  const [first, ...more] = flows;
  if (first !== undefined && more.length === 0) return first.name;
  throw new UsageError(`${path} has ${flows.length} flows`, "export one as the default");
}

/** Values of the command line: JSON, but for inputs that are texts. */
export function inputOf(
  given: Readonly<Record<string, string>>,
  schema: Properties,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(given).map(([name, text]) => {
      const { type } = schema[name] ?? {};
      if (type === "string" || type === undefined) return [name, text];
      try {
        return [name, JSON.parse(text) as unknown];
      } catch {
        throw new UsageError(`--input ${name}: it must be a ${type}, as JSON`);
      }
    }),
  );
}
