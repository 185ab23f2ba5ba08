import { z } from "zod";
import { GloveboxError } from "../../core/index.ts";
import { putInside } from "../inside.ts";
import { runInTrial, TRIAL_ROOT, takeResults } from "../test-exec/trial.ts";
import type { RepositoryBench } from "../workbench/repository-bench.ts";
import { checkRepositoryPath } from "../workbench/repository-tree.ts";
import { type Spread, spreadOf } from "./statistics.ts";
import { argvOf, programsOf, type Subject } from "./subject.ts";

const Times = z.array(z.number().min(0).max(1e9)).max(1_000);
const Measured = z.strictObject({
  runs: z.record(z.string(), z.strictObject({ wallMs: Times, cpuMs: Times })),
  machine: z.string().max(300),
  failed: z.strictObject({ name: z.string(), code: z.number().int().nullable(), error: z.string() }).nullable(),
});

const MAX_RESULTS = 1 << 20;
const WARMUPS = 1;
/** Arguments: the repository's copy, the second copy, a folder with files that are put over it, the command. */
const SECOND = 'cp -a "$0/." "$1" && cp -a "$2/." "$1" && shift 2 && exec "$@"';

export interface MeasureOptions {
  readonly include: readonly string[];
  readonly timeoutMs: number;
  readonly repeats: number;
  readonly metric: "cpu" | "wall";
  /** Texts by path: a second copy with these is measured as well, in turns with the first. */
  readonly changed?: Readonly<Record<string, string>>;
}

export interface Measurement {
  /** Processor and versions, as the sandbox has them. */
  readonly machine: string;
  readonly now: Spread;
  /** Of the second copy. */
  readonly changed?: Spread;
}

/** Measures the subject. `test_failed` when it does not end well each time: what fails early is fast. */
export async function measureIn(
  bench: RepositoryBench,
  subject: Subject,
  options: MeasureOptions,
): Promise<Measurement> {
  const { include, timeoutMs, repeats, metric, changed } = options;
  const results = bench.scratch("times");
  const inside = await putInside(bench, ["performance/inside/measure.py", ...programsOf(subject)]);
  const second = `${TRIAL_ROOT}/../changed`;
  const copies = [
    { name: "now", root: TRIAL_ROOT },
    ...(changed === undefined ? [] : [{ name: "changed", root: second }]),
  ];
  const config = {
    copies,
    argv: argvOf(subject, { inside, results: "/dev/null" }),
    repeats,
    warmups: WARMUPS,
    results,
    timeoutMs,
  };
  const argv = ["python3", "-B", `${inside}/measure.py`, JSON.stringify(config)];
  const whole =
    changed === undefined
      ? argv
      : ["/bin/sh", "-c", SECOND, TRIAL_ROOT, second, await putChanged(bench, changed), ...argv];
  const { timedOut } = await runInTrial(bench, whole, { include, timeoutMs });
  if (timedOut) throw new GloveboxError("test_failed", `measuring took more than ${timeoutMs} ms`);
  const read = parse(await takeResults(bench, results, MAX_RESULTS));
  if (read === undefined) throw new GloveboxError("test_failed", "what is measured left no times");
  if (read.failed !== null) {
    const { code, error } = read.failed;
    throw new GloveboxError("test_failed", `what is measured ended with exit code ${code}: ${error.slice(-500)}`);
  }
  const spread = (name: string) => {
    const times = read.runs[name]?.[`${metric}Ms`] ?? [];
    if (times.length === 0) throw new GloveboxError("test_failed", "what is measured left no times");
    return spreadOf(times);
  };
  return { machine: read.machine, now: spread("now"), ...(changed !== undefined && { changed: spread("changed") }) };
}

async function putChanged(bench: RepositoryBench, changed: Readonly<Record<string, string>>): Promise<string> {
  const folder = bench.scratch("changed");
  for (const [path, text] of Object.entries(changed)) {
    checkRepositoryPath(path);
    await bench.writeFile(`${folder}/${path}`, text);
  }
  return folder;
}

function parse(text: string): z.infer<typeof Measured> | undefined {
  try {
    return Measured.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
