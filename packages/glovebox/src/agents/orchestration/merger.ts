import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost } from "../agent.ts";
import { languageOf } from "../code/code-file.ts";
import type { Artifact } from "../messages/artifact.ts";
import { Diff } from "../messages/diff.ts";
import { changes, summary } from "../messages/make-message.ts";
import { Content, RepositoryPath, TaskId } from "../messages/parts.ts";
import { makeDiff } from "../workbench/make-diff.ts";
import { parseDiff } from "../workbench/parse-diff.ts";
import { askJson } from "./ask-json.ts";
import { type DiffConflict, mergeDiffs, resolvePlaces, type Texts } from "./merge-diffs.ts";

const MergePayload = z.strictObject({
  /** Made from the same files. What comes first goes first. */
  diffs: z
    .array(z.strictObject({ id: TaskId, diff: Diff }))
    .min(1)
    .max(50),
  /** The files that they were made from; default: those of the repository. */
  files: z
    .array(z.strictObject({ path: RepositoryPath, content: Content }))
    .max(500)
    .optional(),
});
type MergePayload = z.infer<typeof MergePayload>;

const Resolution = z.strictObject({
  files: z.array(z.strictObject({ path: RepositoryPath, places: z.array(z.string().max(20_000)).max(100) })).max(100),
});

const SYSTEM = `You resolve conflicts of a three-way merge. For each file you are given its places, in order: what both sides made of the same lines. Give for each place the lines that
keep what both sides meant, without marks.`;

/** Joins diffs into one, three ways; what does not go together is left out and told. */
export const merger: Agent<MergePayload> = {
  name: "merger",
  capabilities: ["merge"],
  description: "Joins diffs into one by three-way merge, and reports what does not go together",
  payload: MergePayload,
  work: async (host, { payload: { diffs, files } }) => {
    const paths = new Set(diffs.flatMap(({ diff }) => parseDiff(diff.text).map(({ path }) => path)));
    const base = await baseOf(host, [...paths].toSorted(), files);
    const { texts, taken, conflicts } = await mergeDiffs(base, diffs, (found) => resolve(host, found));
    const changed = [...texts].map(([path, after]) => ({ path, before: base.get(path) ?? null, after }));
    const diff = makeDiff(changed.filter(({ before, after }) => before !== after));
    const artifacts: Artifact[] = [
      {
        ...{ kind: "selection", chosen: taken.length === 0 ? null : taken.join(", ").slice(0, 200) },
        reason: `${taken.length} of ${diffs.length} go together`,
        among: diffs.map(({ id }) => id),
      },
      ...conflicts.slice(0, 500).map(artifactOf),
    ];
    if (diff.files.length > 0) return changes(diff, { artifacts });
    return summary("nothing is left to change", { artifacts });
  },
};

/** The texts that the diffs were made from. `invalid_argument` where they are neither given nor in a repository. */
async function baseOf(host: AgentHost, paths: readonly string[], given: MergePayload["files"]): Promise<Texts> {
  if (given !== undefined) {
    const known = new Map(given.map(({ path, content }) => [path, content]));
    return new Map(paths.map((path) => [path, known.get(path) ?? null]));
  }
  if (host.bench === undefined) {
    throw new GloveboxError(
      "invalid_argument",
      "merging needs the files that the diffs were made from, or a repository",
    );
  }
  const { files } = await host.bench.tree("merge tree");
  const there = new Set(files.map(({ path }) => path));
  const texts = await host.bench.read(
    "merge base",
    paths.filter((path) => there.has(path)),
  );
  return new Map(paths.map((path) => [path, texts[path] ?? null]));
}

/** Asks a model for the places where both changed the same lines; judged: as many as asked for, no marks, and code that parses. */
async function resolve(host: AgentHost, conflicts: readonly DiffConflict[]): Promise<Texts | undefined> {
  if (host.model === undefined || conflicts.some(({ marked }) => marked === undefined)) return undefined;
  const shown = conflicts.map(({ path, places }) => ({
    path,
    places: places.map(({ base, ours, theirs }) => ({ base, ours, theirs })),
  }));
  const said = await askJson(host, Resolution, { system: SYSTEM, prompt: JSON.stringify(shown) });
  if (said === undefined || "problem" in said) return undefined;
  const resolved = new Map<string, string>();
  for (const conflict of conflicts) {
    const places = said.value.files.find(({ path }) => path === conflict.path)?.places ?? [];
    const text = resolvePlaces(conflict, places);
    if (text === undefined) return undefined;
    resolved.set(conflict.path, text);
  }
  return (await allParse(host, resolved)) ? resolved : undefined;
}

async function allParse({ run, code }: AgentHost, texts: ReadonlyMap<string, string>): Promise<boolean> {
  const files = [...texts].map(([path, text]) => ({ path, text })).filter(({ path }) => languageOf(path) !== undefined);
  return run.step("parse", { files }, async (_input, { signal }) => {
    for (const file of files) if ((await code.call("check", file, { signal })).length > 0) return false;
    return true;
  });
}

function artifactOf({ id, path, reason, places }: DiffConflict): Artifact {
  const [first] = places;
  const shown = first === undefined ? "" : `\nours:\n${first.ours}\ntheirs:\n${first.theirs}`;
  return {
    ...{ kind: "analysis", target: id, details: `${path}: ${reason}${shown}`.slice(0, 4_000), severity: "error" },
    ...{ suggestions: [], rule: "merge/conflict", path, ...(first !== undefined && { line: first.line }) },
  };
}
