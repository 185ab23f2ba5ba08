import { GloveboxError } from "../../core/index.ts";
import { putInside } from "../inside.ts";
import { runInTrial, TRIAL_ROOT, takeResults } from "../test-exec/trial.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { RawProfile } from "./hotspots.ts";
import { isPython, programsOf, type Subject, testConfig } from "./subject.ts";

const MAX_PROFILE = 4 << 20;

interface ProfileOptions {
  readonly include: readonly string[];
  readonly timeoutMs: number;
}

/** Runs the subject under a profiler, in a copy of the repository. `test_failed` when it does not come to its end. */
export async function profileIn(
  bench: RepositoryBench,
  subject: Subject,
  { include, timeoutMs }: ProfileOptions,
): Promise<RawProfile> {
  const results = bench.scratch("profile");
  const program = isPython(subject) ? "profile_python.py" : "profile_node.mjs";
  const inside = await putInside(bench, [`performance/inside/${program}`, ...programsOf(subject)]);
  const folder = `${TRIAL_ROOT}/../profiles`;
  const config = {
    root: TRIAL_ROOT,
    results,
    folder,
    ...(subject.kind === "command"
      ? { argv: subject.argv }
      : { tests: testConfig(subject, `${TRIAL_ROOT}/../results`) }),
  };
  const argv = [...(isPython(subject) ? ["python3", "-B"] : ["node"]), `${inside}/${program}`, JSON.stringify(config)];
  // Profilers of Node make no folder themselves.
  const made = ["/bin/sh", "-c", 'mkdir -p "$0" && exec "$@"', folder, ...argv];
  const { timedOut, stderr } = await runInTrial(bench, made, { include, timeoutMs });
  if (timedOut) throw failed(`it took more than ${timeoutMs} ms`);
  const read = parse(await takeResults(bench, results, MAX_PROFILE));
  if (read === undefined) throw failed(stderr.trim().split("\n").at(-1) ?? "nothing was said");
  if (read.error !== null) throw failed(read.error);
  return read;
}

function parse(text: string): RawProfile | undefined {
  try {
    return RawProfile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function failed(reason: string): GloveboxError {
  return new GloveboxError("test_failed", `what is profiled did not come to its end: ${reason.slice(0, 500)}`);
}
