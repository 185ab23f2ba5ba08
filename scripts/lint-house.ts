/** The house's rules of import (ARCHITECTURE.md): which room may import which, and only through its entries. And how long a file may be. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseSync } from "oxc-parser";

const root = resolve(import.meta.dirname, "..");
const source = join(root, "packages/glovebox/src");

/** For each room the rooms it may import. A room that is not listed is an error. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  store: ["core"],
  sandbox: ["core"],
  config: ["core"],
  governance: ["core", "store"],
  telemetry: ["core"],
  sessions: ["core", "store", "sandbox"],
  engine: ["core", "store"],
  models: ["core"],
  syntax: ["core"],
  context: ["core", "store", "models", "syntax"],
  runs: ["core", "store", "sessions", "engine", "models", "context"],
  chat: ["core", "store", "sessions", "engine", "runs", "models", "syntax"],
  forges: ["core"],
  ci: ["core", "store", "sandbox", "sessions", "engine", "runs", "models", "forges", "syntax"], // of syntax its threads: workflow files are as hostile as code
  agents: ["core", "store", "sandbox", "sessions", "engine", "runs", "models", "context", "forges", "syntax"],
  surfaces: [
    "core",
    "store",
    "sandbox",
    "sessions",
    "engine",
    "runs",
    "config",
    "agents",
    "chat",
    "ci",
    "context",
    "forges",
    "governance",
    "telemetry",
  ],
  cli: [
    "core",
    "store",
    "sandbox",
    "sessions",
    "engine",
    "config",
    "agents",
    "chat",
    "ci",
    "context",
    "forges",
    "governance",
    "telemetry",
    "surfaces",
    "app",
  ],
  app: [
    "core",
    "store",
    "sandbox",
    "sessions",
    "engine",
    "runs",
    "models",
    "config",
    "agents",
    "chat",
    "ci",
    "context",
    "forges",
    "governance",
    "telemetry",
    "surfaces",
  ],
};

/** Files through which a room is entered, besides `index.ts`, each with its reason. */
const ENTRIES: Readonly<Record<string, readonly string[]>> = {
  core: ["schemas.ts"], // apart, because loading zod costs 40 ms
  models: ["embedder.ts"], // the context store's threads compute with vectors, and do without the libraries of providers
  sandbox: [
    "bubblewrap/index.ts",
    "firecracker/index.ts",
    "gvisor/index.ts",
    "isolate/index.ts",
    "kernel/index.ts",
    "native/index.ts",
    "agent/index.ts",
    "images/index.ts",
    "microvm/index.ts",
  ], // loaded lazily, one by one
  sessions: ["one-shot.ts"], // `glovebox run` without a server loads neither store nor zod
  store: ["sqlite/connection.ts"], // the context store's threads open a database, and do without the repositories
  surfaces: ["operations/index.ts", "mcp/stdio.ts"], // the table alone, for coverage tests; `glovebox mcp`, which serves no HTTP
};

const MAX_LINES = 500;

function filesUnder(folder: string, kind = /\.ts$/): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && kind.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function roomOf(file: string): string {
  const first = relative(source, file).split("/")[0] ?? "";
  return first.endsWith(".ts") ? first.slice(0, -3) : first;
}

function importsOf(file: string, text: string): string[] {
  const { module } = parseSync(file, text);
  const dynamic = module.dynamicImports.map(({ moduleRequest }) => text.slice(moduleRequest.start, moduleRequest.end));
  const exported = module.staticExports.flatMap(({ entries }) => entries.map((entry) => entry.moduleRequest?.value));
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...exported.filter((value) => value !== undefined),
    ...dynamic.filter((value) => /^["']/.test(value)).map((value) => value.slice(1, -1)),
  ];
}

/** Tests, and what only tests use. They may set their stage with whatever is below the top, entered anywhere. */
function isTest(file: string): boolean {
  return /(\.test|\/testing(\/[a-z0-9-]+)?|\/test-[a-z-]+)\.ts$/.test(file);
}

function checkImport(file: string, target: string): string | undefined {
  const to = resolve(dirname(file), target);
  if (!to.startsWith(source)) return undefined;
  const [from, room] = [roomOf(file), roomOf(to)];
  if (from === room) return undefined;
  const isTop = room === "cli" || room === "app";
  if (isTest(file) && !isTop) return undefined;
  if (!(MAY_IMPORT[from] ?? []).includes(room)) return `room '${from}' may not import room '${room}'`;
  const inside = relative(join(source, room), to);
  const isRoomFile = to === join(source, `${room}.ts`);
  const entries = ["index.ts", ...(ENTRIES[room] ?? [])];
  if (inside === "" || isRoomFile || entries.includes(inside)) return undefined;
  return `room '${room}' is entered through ${entries.join(" or ")}, not ${inside}`;
}

function checkLength(file: string, text: string): string[] {
  const lines = text.split("\n").length - 1;
  return lines > MAX_LINES ? [`${relative(root, file)}: ${lines} lines, at most ${MAX_LINES}`] : [];
}

export function lintHouse(): string[] {
  const problems: string[] = [];
  for (const file of filesUnder(join(root, "native"), /\.[ch]$/))
    problems.push(...checkLength(file, readFileSync(file, "utf8")));
  for (const file of filesUnder(source)) {
    const text = readFileSync(file, "utf8");
    const name = relative(root, file);
    problems.push(...checkLength(file, text));
    if (!(roomOf(file) in MAY_IMPORT)) problems.push(`${name}: no such room in scripts/lint-house.ts`);
    for (const target of importsOf(file, text)) {
      const problem = target.startsWith(".") ? checkImport(file, target) : undefined;
      if (problem !== undefined) problems.push(`${name}: ${problem} (${target})`);
    }
  }
  return [...new Set(problems)];
}

if (import.meta.main) {
  const problems = lintHouse();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
