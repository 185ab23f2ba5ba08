import { z } from "zod";
import { GloveboxError, isGloveboxError } from "../../core/index.ts";
import type { Agent, AgentHost } from "../agent.ts";
import { MAX_CODE_LENGTH } from "../code/code-file.ts";
import type { CodeThreads } from "../code/code-threads.ts";
import { isOwnCode } from "../layout/layout-of.ts";
import { readTexts } from "../layout/read-texts.ts";
import { type Artifact, Severity } from "../messages/artifact.ts";
import { summary } from "../messages/make-message.ts";
import { RepositoryPath } from "../messages/parts.ts";
import type { NewTask } from "../messages/task.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import { SEVERITIES } from "./finding.ts";
import { type FoundIn, toSarif } from "./sarif.ts";

export const StaticAnalysisPayload = z.strictObject({
  /** Default: all code of the repository, the first 2,000 files by path. */
  paths: z.array(RepositoryPath).max(2_000).optional(),
  /** What is less severe is left out. Default `info`. */
  severity: Severity.default("info"),
  /** Whether the findings come as SARIF too, in a file artifact. Default false. */
  sarif: z.boolean().default(false),
  /** Whether a task is proposed that puts right what can be. Default false. */
  autoFix: z.boolean().default(false),
});
export type StaticAnalysisPayload = z.infer<typeof StaticAnalysisPayload>;

const MAX_FILES = 2_000;
/** Of all files together; artifacts have the same bound. */
const MAX_FINDINGS = 900;
const SARIF_FILE = "static-analysis.sarif";

interface Scan {
  readonly files: number;
  readonly counts: Readonly<Record<Severity, number>>;
  /** The most severe first, then by place; the first 900. */
  readonly findings: readonly FoundIn[];
  readonly fix?: { readonly path: string; readonly content: string };
}

/** Reads code and runs nothing: our own rules by ast-grep, and Python's by ruff. */
export const staticAnalysisAgent: Agent<StaticAnalysisPayload> = {
  name: "static_analysis",
  capabilities: ["static_analysis"],
  description:
    "Finds mistakes and security holes by rules over syntax trees: ast-grep and ruff; SARIF, severity filter, proposed fix",
  payload: StaticAnalysisPayload,
  async work(host, { id, payload }) {
    const { bench } = host;
    if (bench === undefined)
      throw new GloveboxError("invalid_argument", "static_analysis works on a repository, and there is none");
    for (const path of payload.paths ?? []) checkRepositoryPath(path);
    const tree = await bench.tree();
    const own = tree.files
      .filter(({ path, size }) => isOwnCode(path) && size <= MAX_CODE_LENGTH)
      .map(({ path }) => path);
    const known = new Set(own);
    const paths = payload.paths?.filter((path) => known.has(path)) ?? own.slice(0, MAX_FILES);
    const { severity, autoFix } = payload;
    const scan = await bench.work("scan", { paths, severity, autoFix }, (given, repository) =>
      scanFiles(repository, host.code, given),
    );
    const { counts, findings, files } = scan;
    const artifacts: Artifact[] = findings.map(artifactOf);
    if (payload.sarif) artifacts.push({ kind: "file", path: SARIF_FILE, content: JSON.stringify(toSarif(findings)) });
    const text = `${files} files: ${counts.error} errors, ${counts.warn} warnings, ${counts.info} remarks`;
    const leftOut = counts.error + counts.warn + counts.info - findings.length;
    return summary(text, {
      data: { files, counts, leftOut },
      artifacts,
      newTasks: autoFix ? fixTask(id, scan, host) : [],
    });
  },
};

async function scanFiles(
  repository: RepositoryBench,
  code: CodeThreads,
  {
    paths,
    severity,
    autoFix,
  }: { readonly paths: readonly string[]; readonly severity: Severity; readonly autoFix: boolean },
): Promise<Scan> {
  const all: FoundIn[] = [];
  let fix: Scan["fix"];
  for (const path of paths) {
    const { [path]: text } = await readTexts(repository, [path]);
    if (text === undefined) continue;
    const found = await problemsOf(code, { path, text, least: severity }, repository.signal);
    all.push(...found.map((finding) => ({ path, ...finding })));
    if (autoFix && fix === undefined && found.length > 0) fix = await fixOf(code, { path, text }, repository.signal);
  }
  const counts = Object.fromEntries(
    SEVERITIES.map((one) => [one, all.filter((finding) => finding.severity === one).length]),
  );
  const rank = ({ severity: one }: FoundIn) => SEVERITIES.length - SEVERITIES.indexOf(one);
  const findings = all.toSorted((a, b) => rank(a) - rank(b)).slice(0, MAX_FINDINGS);
  return {
    files: paths.length,
    counts: counts as Record<Severity, number>,
    findings,
    ...(fix !== undefined && { fix }),
  };
}

/** Code that is too much for its parser is a finding, not the end of the scan. */
async function problemsOf(
  code: CodeThreads,
  file: Parameters<typeof code.call<"findProblems">>[1],
  signal: AbortSignal,
) {
  try {
    return await code.call("findProblems", file, { signal });
  } catch (error) {
    if (!isGloveboxError(error, "payload_too_large")) throw error;
    const message = `Cannot be analysed: ${error.message}`;
    return [{ rule: "unreadable", severity: "warn" as const, message, line: 1, column: 1, endLine: 1, endColumn: 1 }];
  }
}

async function fixOf(
  code: CodeThreads,
  file: { path: string; text: string },
  signal: AbortSignal,
): Promise<Scan["fix"]> {
  if (!file.path.endsWith(".py")) return undefined;
  const content = await code.call("ruffFixed", file, { signal });
  if (content === file.text || (await code.call("check", { path: file.path, text: content }, { signal })).length > 0)
    return undefined;
  return { path: file.path, content };
}

function artifactOf({ path, line, rule, severity, message, suggestion }: FoundIn): Artifact {
  const suggestions = suggestion === undefined ? [] : [suggestion];
  return { kind: "analysis", target: `${path}:${line}`, details: message, severity, suggestions, rule, path, line };
}

/** At most one: what ruff puts right by itself, else the worst finding for a model. */
function fixTask(id: string, { fix, findings }: Scan, { model }: AgentHost): NewTask[] {
  const task = { id: `${id.slice(0, 50)}-fix`, type: "codegen" as const };
  if (fix !== undefined) return [{ ...task, payload: { file: fix } }];
  const [worst] = findings.filter(({ severity }) => severity !== "info");
  if (model === undefined || worst === undefined) return [];
  const { path, line, rule, message, suggestion = "" } = worst;
  return [
    {
      ...task,
      payload: { goal: `Put right in ${path}, line ${line} (${rule}): ${message}. ${suggestion}`.trim(), show: [path] },
    },
  ];
}
