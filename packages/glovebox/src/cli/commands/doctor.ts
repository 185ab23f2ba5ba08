import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DoctorReport } from "@glovebox/sdk";
import type { Command } from "commander";
import type { Isolation } from "../../core/index.ts";
import type { IsolationDriver } from "../../sandbox/index.ts";
import { openClient } from "../connect.ts";
import { EXIT } from "../failure.ts";
import { coloursFor } from "../render/colours.ts";
import { formatFor, printJson } from "../render/print.ts";
import { printable } from "../render/printable.ts";
import { withSpinner } from "../render/progress.ts";
import { flagsOf } from "./options.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description(
      "Prove which isolations and languages work, by running something in each: here, or on the server of --url",
    )
    .action(async (_options, command: Command) => {
      const flags = flagsOf(command);
      const remote = (flags.url ?? process.env.GLOVEBOX_URL ?? "") !== "";
      const ask = async () => (remote ? await (await openClient(flags)).doctor({ fresh: true }) : await diagnoseHere());
      const report = await withSpinner("trying every isolation", ask);
      if (formatFor(flags) === "json") printJson(report);
      else printReport(report);
      if (!report.ok) process.exitCode = EXIT.failed;
    });
}

/** With drivers of its own on a folder of its own: it disturbs no server that runs. */
async function diagnoseHere(): Promise<DoctorReport> {
  const [
    { BubblewrapDriver },
    { FirecrackerDriver },
    { GvisorDriver },
    { IsolateDriver },
    { MicrovmDriver },
    { diagnose },
  ] = await Promise.all([
    import("../../sandbox/bubblewrap/index.ts"),
    import("../../sandbox/firecracker/index.ts"),
    import("../../sandbox/gvisor/index.ts"),
    import("../../sandbox/isolate/index.ts"),
    import("../../sandbox/microvm/index.ts"),
    import("../../sandbox/index.ts"),
  ]);
  const runDir = await mkdtemp(join(tmpdir(), "glovebox-doctor-"));
  try {
    await using bubblewrap = new BubblewrapDriver({ runDir, waiting: 0 });
    await using gvisor = new GvisorDriver({ runDir: join(runDir, "gvisor"), waiting: 0 });
    await using microvm = new MicrovmDriver({ runDir: join(runDir, "microvm"), waiting: 0, copies: "files" });
    await using firecracker = new FirecrackerDriver({ runDir: join(runDir, "firecracker") });
    await using isolate = new IsolateDriver({ companion: (spec) => bubblewrap.create(spec), warmWorkers: 0 });
    const { isolations, ...rest } = await diagnose(
      new Map<Isolation, IsolationDriver>([
        ["isolate", isolate],
        ["bubblewrap", bubblewrap],
        ["gvisor", gvisor],
        ["microvm", microvm],
        ["firecracker", firecracker],
      ]),
    );
    return { ...rest, isolations };
  } finally {
    await rm(runDir, { recursive: true, force: true });
  }
}

function printReport(report: DoctorReport): void {
  const { bold, dim, green, red, yellow } = coloursFor(process.stdout);
  const lines = [`${bold("node")}      ${report.node}   ${bold("platform")}  ${report.platform}`];
  const kvm = report.kvm ? green("works") : yellow("not usable");
  lines.push(
    `${bold("kvm")}       ${kvm}${report.kvmReason === undefined ? "" : dim(`  ${printable(report.kvmReason)}`)}`,
    "",
  );
  for (const isolation of report.isolations) {
    const mark = isolation.available ? green("✔") : red("✘");
    const name = isolation.name.padEnd(12);
    if (isolation.available) {
      const facts = [
        isolation.version,
        isolation.startMs === undefined ? "" : `starts in ${isolation.startMs.toFixed(0)} ms`,
      ];
      lines.push(`${mark} ${bold(name)} ${printable(facts.filter(Boolean).join(", "))}`);
      for (const note of isolation.notes ?? []) lines.push(`  ${" ".repeat(12)} ${dim(printable(note))}`);
    } else lines.push(`${mark} ${bold(name)} ${dim(printable(isolation.reason ?? "not available"))}`);
  }
  lines.push("");
  for (const { name, version, isolations } of report.languages) {
    lines.push(`${green("✔")} ${bold(name.padEnd(12))} ${printable(version)} ${dim(`in ${isolations.join(", ")}`)}`);
  }
  lines.push("", report.ok ? green("Code can be run here.") : red("No code can be run here."));
  process.stdout.write(`${lines.join("\n")}\n`);
}
