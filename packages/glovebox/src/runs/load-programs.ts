import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GloveboxError } from "../core/index.ts";
import type { Program } from "../engine/index.ts";
import type { ProgramHost, ProgramModule } from "./program-host.ts";

/**
 * The programs of the modules at `paths`. Modules run in the server's own process: they are the operator's code, never a user's. `invalid_argument` names
 * the module that cannot be loaded, has no function as its default export, or gives something that is not a program.
 */
export async function loadPrograms(paths: readonly string[], host: ProgramHost): Promise<readonly Program[]> {
  const found: Program[] = [];
  for (const path of paths) found.push(...(await loadModule(resolve(path), host)));
  return found;
}

async function loadModule(path: string, host: ProgramHost): Promise<readonly Program[]> {
  const module = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw refused(path, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
  })) as { readonly default?: unknown };
  if (typeof module.default !== "function") throw refused(path, "has no function as its default export");
  const programs: unknown = (module.default as ProgramModule)(host);
  if (!Array.isArray(programs)) throw refused(path, "does not give a list of programs");
  for (const program of programs) {
    if (!isProgram(program)) throw refused(path, "gives something that `defineProgram` did not make");
  }
  return programs;
}

function isProgram(value: unknown): value is Program {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, run, input, output } = value as Partial<Record<keyof Program, unknown>>;
  const isNamed = typeof name === "string" && typeof version === "string";
  return isNamed && typeof run === "function" && isSchema(input) && isSchema(output);
}

function isSchema(value: unknown): boolean {
  return typeof value === "object" && value !== null && "safeParse" in value;
}

function refused(path: string, why: string, cause?: unknown): GloveboxError {
  return new GloveboxError("invalid_argument", `the module of programs ${path} ${why}`, {
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
