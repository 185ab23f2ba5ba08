import type { OutputStream, ProcessExit, ProcessItem, SandboxProcess } from "../process.ts";
import type { AgentSpawn } from "./connection.ts";

/** What a test wants to know of a process that ran to its end. For tests only. */
export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  readonly control: string;
  readonly limits: readonly string[];
  readonly exit: ProcessExit;
  /** Streams in the order of their chunks. */
  readonly order: readonly OutputStream[];
}

const PATH = process.env.PATH ?? "/usr/bin:/bin";

export function shell(script: string, more: Partial<AgentSpawn> = {}): AgentSpawn {
  return { argv: ["/bin/sh", "-c", script], env: { PATH }, cwd: "", stdin: "null", control: false, ...more };
}

export function python(script: string, more: Partial<AgentSpawn> = {}): AgentSpawn {
  return shell("", { argv: ["python3", "-ISc", script], env: { PATH: `/usr/bin:/bin:${PATH}` }, ...more });
}

/** Reads all of it, acknowledging as it goes, and lets the agent forget it. */
export async function finish(process: SandboxProcess): Promise<Finished> {
  const text: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [], control: [] };
  const limits: string[] = [];
  const order: OutputStream[] = [];
  for await (const item of process.output()) {
    if (item.kind === "exit") {
      process.release();
      const joined = (stream: OutputStream) => Buffer.concat(text[stream]).toString();
      const streams = { stdout: joined("stdout"), stderr: joined("stderr"), control: joined("control") };
      return { ...streams, limits, exit: item.exit, order };
    }
    if (item.kind === "limit") limits.push(`${item.limit} ${item.action}`);
    else takeOutput(process, item, text, order);
  }
  throw new Error("output ended without an exit");
}

function takeOutput(
  process: SandboxProcess,
  item: Extract<ProcessItem, { kind: "output" }>,
  text: Record<OutputStream, Uint8Array[]>,
  order: OutputStream[],
): void {
  text[item.stream].push(item.data);
  order.push(item.stream);
  process.ack(item.stream, item.offset + item.data.length);
}
