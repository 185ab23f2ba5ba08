import { z } from "zod";
import { GloveboxError } from "../../../core/index.ts";
import type { DurableEngine, Program } from "../../../engine/index.ts";

interface ProgramView {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly input: Record<string, unknown>;
  readonly output: Record<string, unknown>;
}

/** The same for as long as the program is registered. */
const views = new WeakMap<Program, ProgramView>();

/** A program as clients see it. */
export function viewOf(program: Program): ProgramView {
  const known = views.get(program);
  if (known !== undefined) return known;
  const { name, version, description } = program;
  const view = {
    name,
    version,
    ...(description !== undefined && { description }),
    input: jsonSchema(program.input, "input"),
    output: jsonSchema(program.output, "output"),
  };
  views.set(program, view);
  return view;
}

/** The program of that name: of that version, or the one that was registered last. `not_found`, saying what there is. */
export function programNamed(engine: DurableEngine, name: string, version: string | undefined): Program {
  const named = engine.programs().filter((program) => program.name === name);
  const found = version === undefined ? named.at(-1) : named.find((program) => program.version === version);
  if (found !== undefined) return found;
  const versions = named.map((program) => program.version);
  const there =
    versions.length === 0 ? `no program ${name}` : `no version ${version} of ${name}, only ${versions.join(", ")}`;
  throw new GloveboxError("not_found", there, {
    details: { program: name, versions, hint: "the programs are named by `runs.programs` in glovebox.yaml" },
  });
}

/** What cannot be said in JSON Schema is left open: the program checks it itself when it is started. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  try {
    return { ...z.toJSONSchema(schema, { io, unrepresentable: "any" }) };
  } catch {
    return {};
  }
}
