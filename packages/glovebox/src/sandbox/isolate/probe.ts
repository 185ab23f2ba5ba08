import { DEFAULT_LIMITS, GloveboxError, newId } from "../../core/index.ts";
import type { IsolationDriver } from "../driver.ts";
import type { SandboxProcess } from "../process.ts";

const PROBE_MS = 5000;

/** Evaluates something in a new sandbox. Gives the milliseconds until it had answered. */
export async function probeEngine(driver: IsolationDriver, signal?: AbortSignal): Promise<number> {
  const start = performance.now();
  await using sandbox = await driver.create(
    {
      id: newId(),
      workspaceDir: "/nonexistent",
      limits: { ...DEFAULT_LIMITS, memoryMb: 64 },
      allowPartial: false,
      env: {},
      languages: ["javascript"],
    },
    signal,
  );
  const kernel = await sandbox.spawn({ kind: "kernel", language: "javascript" }, signal);
  await kernel.limit({ wallMs: PROBE_MS });
  await kernel.writeControl(Buffer.from("exec\0probe\0repl\0{}\0[6, 7].reduce((a, b) => a * b)\0"));
  const said = await answer(kernel, signal);
  if (!said.includes('"json":42'))
    throw new GloveboxError("isolation_unavailable", `the engine answered ${said.slice(0, 200)}`);
  return performance.now() - start;
}

async function answer(kernel: SandboxProcess, signal?: AbortSignal): Promise<string> {
  let said = "";
  for await (const item of kernel.output(signal)) {
    if (item.kind === "output") said += Buffer.from(item.data).toString("utf8");
    if (item.kind === "exit" || said.includes('!{"t":"done"')) break;
  }
  return said;
}
