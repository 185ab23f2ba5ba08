import { languageOf } from "../code/code-file.ts";
import { endingOf, folderOf, join, stemOf } from "../layout/layout.ts";
import { BOUNDS, type ReviewFacts, type ReviewFinding } from "./review-facts.ts";

type Imports = ReadonlyMap<string, ReviewFacts["imports"]>;

/** Cycles between modules of the repository, each once, and modules that import too many others. Imports that load nothing, or later, close no cycle. */
export function graphFindings(files: Imports): ReviewFinding[] {
  const paths = new Set(files.keys());
  const edges = new Map<string, Map<string, number>>();
  const found: ReviewFinding[] = [];
  for (const [path, imports] of files) {
    const targets = new Map<string, number>();
    const all = new Set<string>();
    for (const one of imports) {
      for (const target of resolve(path, one, paths)) {
        if (target === path) continue;
        all.add(target);
        if (one.atLoad && !one.typeOnly && !targets.has(target)) targets.set(target, one.line);
      }
    }
    edges.set(path, targets);
    if (all.size > BOUNDS.fanOut)
      found.push({
        rule: "fan-out",
        path,
        line: 1,
        target: path,
        details: `imports ${all.size} modules of the repository, more than ${BOUNDS.fanOut}`,
        suggestion: "Split it by what it does.",
        weight: all.size / BOUNDS.fanOut,
      });
  }
  for (const cycle of cyclesOf(edges)) {
    const [path = "", next = path] = cycle;
    const details = `${cycle.join(" → ")} → ${path} import each other`;
    found.push({
      rule: "cycle",
      path,
      line: edges.get(path)?.get(next) ?? 1,
      target: path,
      details: details.slice(0, 1_000),
      suggestion: "Move what both need into a module of its own.",
      along: cycle,
      weight: 3,
    });
  }
  return found;
}

function resolve(
  from: string,
  { module, names }: ReviewFacts["imports"][number],
  paths: ReadonlySet<string>,
): string[] {
  return languageOf(from) === "python"
    ? resolvePython(from, module, names, paths)
    : resolveJavascript(from, module, paths);
}

function resolvePython(from: string, module: string, names: readonly string[], paths: ReadonlySet<string>): string[] {
  const dots = /^\.*/.exec(module)?.[0].length ?? 0;
  const rest = module
    .slice(dots)
    .split(".")
    .filter((part) => part !== "");
  let base = folderOf(from);
  for (let up = 1; up < dots; up += 1) base = folderOf(base);
  const roots = dots > 0 ? [base] : ["", "src", folderOf(from)];
  for (const root of roots) {
    const whole = [...(root === "" ? [] : [root]), ...rest].join("/");
    const isThere = (path: string) => [`${path}.py`, join(path, "__init__.py")].find((one) => paths.has(one));
    const parts = names.flatMap((name) => isThere(join(whole, name)) ?? []);
    const own = whole === "" ? undefined : isThere(whole);
    // `from package import module` is about the module.
    if (parts.length > 0) return parts;
    if (own !== undefined) return [own];
  }
  return [];
}

function resolveJavascript(from: string, module: string, paths: ReadonlySet<string>): string[] {
  if (!/^\.{1,2}(\/|$)/.test(module)) return [];
  const parts = folderOf(from)
    .split("/")
    .filter((part) => part !== "");
  for (const part of module.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  const path = parts.join("/");
  const stem = join(folderOf(path), stemOf(path));
  const typed = endingOf(path).replace("j", "t");
  const candidates = [
    path,
    `${stem}${typed}`,
    ...[".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs"].flatMap((ending) => [
      `${path}${ending}`,
      join(path, `index${ending}`),
    ]),
  ];
  const found = candidates.find((one) => paths.has(one));
  return found === undefined ? [] : [found];
}

/** One cycle of every group of modules that reach each other: the shortest through its first module by path. */
function cyclesOf(edges: ReadonlyMap<string, ReadonlyMap<string, number>>): string[][] {
  const cycles: string[][] = [];
  const told = new Set<string>();
  for (const start of [...edges.keys()].toSorted()) {
    if (told.has(start)) continue;
    const cycle = shortestCycle(start, edges);
    if (cycle === undefined || cycle.some((path) => told.has(path))) continue;
    for (const path of cycle) told.add(path);
    cycles.push(cycle);
  }
  return cycles;
}

function shortestCycle(start: string, edges: ReadonlyMap<string, ReadonlyMap<string, number>>): string[] | undefined {
  const before = new Map<string, string>();
  const queue = [start];
  for (let at = 0; at < queue.length; at += 1) {
    const path = queue[at] as string;
    for (const next of [...(edges.get(path)?.keys() ?? [])].toSorted()) {
      if (next === start) return backFrom(path, start, before);
      if (before.has(next)) continue;
      before.set(next, path);
      queue.push(next);
    }
  }
  return undefined;
}

function backFrom(end: string, start: string, before: ReadonlyMap<string, string>): string[] {
  const cycle: string[] = [];
  for (let at = end; at !== start; at = before.get(at) ?? start) cycle.unshift(at);
  return [start, ...cycle];
}
