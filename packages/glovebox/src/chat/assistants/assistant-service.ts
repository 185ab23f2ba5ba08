import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { AssistantService } from "../services.ts";
import { Assistant } from "./assistant.ts";

const MAX_FILES = 1_000;
const MAX_FILE_BYTES = 4 * 1_048_576;

/**
 * The assistants of a folder: one in each `.yaml` or `.yml` file. Without a folder there are none but `builtin`. `invalid_argument` says which file is wrong, and where in
 * it; two of the same name are wrong, too.
 */
export async function openAssistants(
  dir: string | undefined,
  builtin: readonly Assistant[] = [],
): Promise<AssistantService> {
  let known = await readAssistants(dir, builtin);
  const sorted = () => [...known.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return {
    list: sorted,
    get: (name) => {
      const assistant = known.get(name);
      if (assistant === undefined) throw new GloveboxError("not_found", `no assistant ${name}`);
      return assistant;
    },
    reload: async () => {
      known = await readAssistants(dir, builtin);
      return sorted();
    },
  };
}

async function readAssistants(
  dir: string | undefined,
  builtin: readonly Assistant[],
): Promise<ReadonlyMap<string, Assistant>> {
  const found = new Map(builtin.map((assistant) => [assistant.name, assistant]));
  const files = new Map<string, string>();
  for (const file of dir === undefined ? [] : await filesOf(dir)) {
    const assistant = await readAssistant(file);
    const other = files.get(assistant.name);
    if (other !== undefined) throw wrong(file, `an assistant of the name ${assistant.name} is in ${other} already`);
    files.set(assistant.name, file);
    // One of the folder takes the place of a built-in one.
    found.set(assistant.name, assistant);
  }
  return found;
}

async function filesOf(dir: string): Promise<readonly string[]> {
  const names = await readdir(dir).catch((error: unknown) => {
    throw wrong(dir, "the folder of assistants cannot be read", error);
  });
  const files = names.filter((name) => /\.ya?ml$/.test(name)).toSorted();
  if (files.length > MAX_FILES) throw wrong(dir, `more than ${MAX_FILES} assistants`);
  return files.map((name) => join(dir, name));
}

async function readAssistant(file: string): Promise<Assistant> {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES) throw wrong(file, `larger than ${MAX_FILE_BYTES} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(await readFile(file, "utf8"), { lineCounter: lines, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken !== undefined) throw wrong(file, broken.message.split("\n")[0] ?? "no YAML", broken);
  const parsed = Assistant.safeParse(contentOf(file, document));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).filter((part) => typeof part !== "symbol");
  const node = document.getIn(pathThatExists(document, path), true) as { range?: [number, number, number] } | undefined;
  const at = node?.range === undefined ? undefined : lines.linePos(node.range[0]);
  const place = at === undefined ? "" : `line ${at.line}, column ${at.col}: `;
  throw wrong(file, `${place}${path.join(".")} ${messageOf(issue)}`.trim(), parsed.error);
}

function contentOf(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw wrong(file, error instanceof Error ? error.message : String(error), error);
  }
}

/** The innermost part of `path` that is in the document: what is missing has no place of its own. */
function pathThatExists(document: ReturnType<typeof parseDocument>, path: readonly (string | number)[]) {
  let known = path;
  while (known.length > 0 && !document.hasIn(known)) known = known.slice(0, -1);
  return known;
}

function messageOf(issue: z.core.$ZodIssue | undefined): string {
  return issue?.message ?? "does not fit";
}

function wrong(file: string, why: string, cause?: unknown): GloveboxError {
  return new GloveboxError("invalid_argument", `${file}: ${why}`, { details: { file }, cause });
}
