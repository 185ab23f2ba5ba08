import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Glovebox, SessionInput } from "@glovebox/sdk";
import type { Command } from "commander";
import { findServer, openClient } from "../connect.ts";
import { formatFor, printJson, printTable } from "../render/print.ts";
import { withSpinner } from "../render/progress.ts";
import { flagsOf, integer } from "./options.ts";

interface Figure {
  readonly name: string;
  readonly unit: "ms";
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

interface BenchFlags {
  readonly count: number;
  readonly isolation?: NonNullable<SessionInput["isolation"]>;
}

export function addBench(program: Command): void {
  program
    .command("bench")
    .description("How fast this machine is: a whole `run`, and with a server sessions and REPL round trips")
    .option("-n, --count <n>", "how often each is measured", integer(1, 10_000), 20)
    .option("-i, --isolation <name>", "of the sessions")
    .action(async (_options, command: Command) => {
      const flags = flagsOf<BenchFlags>(command);
      const figures = [await withSpinner("whole commands", () => wholeCommand(flags))];
      if (findServer(flags) !== undefined) {
        const box = await openClient(flags);
        figures.push(await withSpinner("sessions", () => firstOutput(box, flags)));
        figures.push(await withSpinner("REPL round trips", () => roundTrips(box, flags)));
      }
      const format = formatFor(flags);
      if (format === "json") return printJson(figures);
      await printTable(
        figures,
        [
          { title: "WHAT", value: ({ name }: Figure) => name },
          ...(["p50", "p95", "p99"] as const).map((key) => ({
            title: `${key.toUpperCase()} MS`,
            value: (figure: Figure) => figure[key].toFixed(2),
          })),
          { title: "N", value: ({ n }: Figure) => String(n) },
        ],
        { format, empty: "" },
      );
    });
}

async function measure(name: string, count: number, work: () => Promise<unknown>): Promise<Figure> {
  await work(); // what is cold at the first time is not what is asked for
  const times: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const from = performance.now();
    await work();
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  const part = (share: number) => times[Math.min(times.length - 1, Math.ceil(share * times.length) - 1)] ?? 0;
  return { name, unit: "ms", n: count, p50: part(0.5), p95: part(0.95), p99: part(0.99) };
}

function wholeCommand({ count, isolation }: BenchFlags): Promise<Figure> {
  const language = isolation === "isolate" ? ["-l", "javascript", "-e", "console.log(1)"] : ["-e", "print(1)"];
  const main = join(import.meta.dirname, "..", `main${import.meta.filename.endsWith(".ts") ? ".ts" : ".js"}`);
  const words = ["run", "--local", ...(isolation === undefined ? [] : ["-i", isolation]), ...language];
  return measure("run, whole command", count, async () => {
    const child = spawn(process.execPath, [...process.execArgv, main, ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const chunks: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`run ended with ${code}: ${Buffer.concat(chunks).toString().trim()}`);
  });
}

function sessionInput({ isolation }: BenchFlags): SessionInput {
  return { isolation, languages: [isolation === "isolate" ? "javascript" : "python"] };
}

function firstOutput(box: Glovebox, flags: BenchFlags): Promise<Figure> {
  const code = flags.isolation === "isolate" ? "console.log(1)" : "print(1)";
  return measure("create a session, first output", flags.count, async () => {
    await using session = await box.sessions.create(sessionInput(flags));
    await session.run(code);
  });
}

async function roundTrips(box: Glovebox, flags: BenchFlags): Promise<Figure> {
  await using session = await box.sessions.create(sessionInput(flags));
  return await measure("REPL round trip", flags.count * 5, () => session.run("1 + 1"));
}
