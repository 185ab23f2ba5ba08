// Runs a Node program, or tests of node:test, with --cpu-prof, and writes the functions of the repository that took the time.
//
//     node profile_node.mjs CONFIG      CONFIG: JSON with `root`, `results`, `folder` (for profiles) and one of
//                                       `argv` (a script and its arguments) and `tests` (what `runAll` of node_tests.mjs takes)
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const MAX_PROFILES = 100;
const MAX_BYTES = 256 << 20;
const MAX_FUNCTIONS = 2_000;
/** A function that the engine exchanges for a faster one while it runs, or writes into its caller, would be told of as its caller. */
const PLAIN = ["--no-use-osr", "--no-turbo-inlining", "--no-maglev-inlining"];

const config = JSON.parse(process.argv[2]);
const root = join(realpathSync(config.root), sep);
const prof = ["--cpu-prof", `--cpu-prof-dir=${config.folder}`, "--cpu-prof-interval=500", ...PLAIN];

async function run() {
  if (config.tests === undefined) {
    const { status } = spawnSync(process.execPath, ["--no-warnings", ...prof, ...config.argv], {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
    });
    return status ?? -1;
  }
  const { runAll } = await import("./node_tests.mjs");
  return await runAll({ ...config.tests, nodeArgs: prof });
}

/** The functions of one profile, joined into those known: time of their own by samples, and with what they call. */
function join1({ nodes, samples, timeDeltas, startTime, endTime }, functions) {
  const byId = new Map(nodes.map((node) => [node.id, { ...node, own: 0 }]));
  for (const [index, id] of samples.entries()) {
    const node = byId.get(id);
    if (node !== undefined) node.own += Math.max(0, timeDeltas[index] ?? 0);
  }
  const visit = (start) => {
    // By a stack of our own: a profile of a deep recursion is as deep.
    const totals = new Map();
    const stack = [[start, false]];
    while (stack.length > 0) {
      const [id, isLeft] = stack.pop();
      const node = byId.get(id);
      if (node === undefined) continue;
      if (!isLeft) {
        stack.push([id, true]);
        for (const child of node.children ?? []) stack.push([child, false]);
        continue;
      }
      totals.set(id, node.own + (node.children ?? []).reduce((sum, child) => sum + (totals.get(child) ?? 0), 0));
    }
    return totals;
  };
  const totals = visit(nodes[0]?.id);
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  for (const node of byId.values()) {
    const own = ownerOf(node, byId, parents);
    if (own === undefined) continue;
    const item = functions.get(own.key) ?? { ...own.about, own: 0, total: 0 };
    item.own += node.own / 1e6;
    // A function within itself is counted once, where it begins.
    if (own.node === node && !isWithinItself(node, own.key, byId, parents))
      item.total += (totals.get(node.id) ?? 0) / 1e6;
    functions.set(own.key, item);
  }
  return (endTime - startTime) / 1e6;
}

/** The node's own function when it is the repository's; for what the engine does itself, who called it. */
function ownerOf(node, byId, parents) {
  let at = node;
  for (let depth = 0; at !== undefined && depth < 50; depth += 1) {
    const about = aboutOf(at.callFrame);
    if (about !== undefined) return { node: at, about, key: `${about.path}:${about.line}:${about.name}` };
    if (at.callFrame.url !== "" || at.callFrame.functionName === "(root)") return undefined;
    at = byId.get(parents.get(at.id));
  }
  return undefined;
}

function isWithinItself(node, key, byId, parents) {
  for (let id = parents.get(node.id); id !== undefined; id = parents.get(id)) {
    const about = aboutOf(byId.get(id)?.callFrame);
    if (about !== undefined && `${about.path}:${about.line}:${about.name}` === key) return true;
  }
  return false;
}

function aboutOf(frame) {
  if (!frame?.url.startsWith("file://")) return undefined;
  const full = fileURLToPath(frame.url.split("?")[0]);
  const path = full.slice(root.length);
  if (!full.startsWith(root) || path.split("/").includes("node_modules")) return undefined;
  return { path, line: frame.lineNumber + 1, name: frame.functionName || "(anonymous)" };
}

const code = await run();
const functions = new Map();
let seconds = 0;
let bytes = 0;
for (const name of readdirSync(config.folder).sort().slice(0, MAX_PROFILES)) {
  const text = readFileSync(join(config.folder, name), "utf8");
  bytes += text.length;
  if (bytes > MAX_BYTES) break;
  try {
    seconds += join1(JSON.parse(text), functions);
  } catch {} // one that a killed process left half written
}
const ranked = [...functions.values()].sort((a, b) => b.own - a.own).slice(0, MAX_FUNCTIONS);
writeFileSync(config.results, JSON.stringify({ tool: "cpu-prof", seconds, functions: ranked, error: null, code }));
