import { GloveboxError, type Language, newId } from "../../core/index.ts";
import type { AgentConnection } from "../agent/index.ts";
import { INSIDE } from "../bubblewrap/inside.ts";
import { encodeKernelRequest, KERNEL_RENEW, KernelMessageReader } from "../kernel/index.ts";
import type { SandboxProcess } from "../process.ts";
import { spareLanguage } from "./spare-kernels.ts";

/** What prints, as an expression and as a statement, and leaves nothing behind in a kernel. */
const PRINTS: Readonly<Partial<Record<Language, readonly string[]>>> = {
  python: ["print(1)", "if [str(i) for i in range(2)] and {'a': 1}: print(f'{1.5:.2f}')"],
  javascript: ["console.log(1)", "for (const i of [1, 2]) console.log(i)"],
  typescript: ["console.log(1)", "for (const i of [1, 2]) console.log(i)"],
  bash: ["echo 1"],
};
/** The first time translates what the first answer takes, the second what only an answer after another does. */
const TIMES = 2;
/** As long as nobody waits; the answer lifts them. They are there because looking after them takes code, too. */
const LIMITS = { wallMs: 60_000, cpuMs: 60_000, graceMs: 1_000 };

/** Has every spare kernel do what a first answer takes, so that copies of the machine's process have all of that translated. Errors: `unavailable` when one does not. */
export async function rehearseKernels(connection: AgentConnection, signal: AbortSignal): Promise<void> {
  await connection.stats(signal);
  for (const process of connection.attached) {
    const language = spareLanguage(process);
    if (language) await rehearse(process, language, signal);
  }
}

async function rehearse(process: SandboxProcess, language: Language, signal: AbortSignal): Promise<void> {
  const reader = new KernelMessageReader();
  const sources = Array.from({ length: TIMES }, () => PRINTS[language] ?? [""]).flat();
  let id = "";
  // What is written is acknowledged only to who reads.
  const ask = () => {
    id = newId();
    const source = sources.shift() ?? "";
    const request = { id, mode: "rehearsal", source, language, args: [], env: {}, cwd: INSIDE.workspace } as const;
    const sent = [
      process.limit(LIMITS),
      process.writeControl(KERNEL_RENEW),
      process.writeControl(encodeKernelRequest(request)),
    ];
    for (const each of sent) each.catch(() => {});
  };
  ask();
  for await (const item of process.output(signal)) {
    if (item.kind === "exit") break;
    if (item.kind !== "output") continue;
    // What it prints nobody else is to see; its messages go to who takes it, the first of which says that it is ready.
    if (item.stream !== "control") process.ack(item.stream, item.offset + item.data.length);
    const messages = item.stream === "control" ? [...reader.push(Buffer.from(item.data))] : [];
    if (!messages.some((message) => message.t === "done" && message.id === id)) continue;
    if (sources.length === 0) return;
    ask();
  }
  throw new GloveboxError("unavailable", `The ${language} kernel ended in a rehearsal`);
}
