import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { GloveboxError } from "../../core/index.ts";
import type { Flow } from "./define-flow.ts";
import { flowOf } from "./yaml/yaml-flow.ts";

const MAX_FILES = 500;

/**
 * The flows of the modules at `paths`, whose default exports are flows or lists of them. Modules run in the server's own process: they are the operator's code, never a
 * user's. `invalid_argument` names the module that cannot be loaded, or gives something that `defineFlow` did not make.
 */
export async function loadFlows(paths: readonly string[]): Promise<readonly Flow[]> {
  const found: Flow[] = [];
  for (const path of paths) {
    const module = (await import(pathToFileURL(resolve(path)).href).catch((error: unknown) => {
      throw refused(path, `cannot be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
    })) as { readonly default?: unknown };
    const flows: readonly unknown[] = Array.isArray(module.default) ? module.default : [module.default];
    for (const flow of flows) {
      if (!isFlow(flow)) throw refused(path, "has something as its default export that `defineFlow` did not make");
      found.push(flow);
    }
  }
  return found;
}

/** The texts of the flows in a folder, by name of file. `invalid_argument` names the file that is no flow, and the place. */
export async function readFlowFiles(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw refused(folder, "cannot be read", error);
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).sort();
  if (files.length > MAX_FILES) throw refused(folder, `has more than ${MAX_FILES} flows`);
  return Promise.all(
    files.map(async (name) => {
      const text = await readFile(join(folder, name), "utf8");
      try {
        flowOf(text);
      } catch (error) {
        throw refused(join(folder, name), error instanceof Error ? error.message : String(error), error);
      }
      return text;
    }),
  );
}

function isFlow(value: unknown): value is Flow {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, description, repository, input, plan, run } = value as Partial<Record<keyof Flow, unknown>>;
  const isTold = [name, version, description].every((text) => typeof text === "string");
  const hasSchema = typeof input === "object" && input !== null && "safeParse" in input;
  return isTold && typeof repository === "boolean" && hasSchema && Array.isArray(plan) && typeof run === "function";
}

function refused(path: string, why: string, cause?: unknown): GloveboxError {
  return new GloveboxError("invalid_argument", `the flows of ${path}: ${why}`, {
    details: { path },
    ...(cause === undefined ? {} : { cause }),
  });
}
