import { expect, test } from "vitest";
import type { Language } from "../../packages/glovebox/src/core/index.ts";
import type { KernelMessage, Sandbox, SandboxProcess } from "../../packages/glovebox/src/sandbox/index.ts";
import { encodeKernelRequest, KernelMessageReader } from "../../packages/glovebox/src/sandbox/kernel/index.ts";
import { makeSandbox, type SuiteContext } from "./subject.ts";

const SUMS: Readonly<Partial<Record<Language, { set: string; ask: string; answer: string }>>> = {
  python: { set: "x = 40", ask: "x + 2", answer: "42" },
  javascript: { set: "var x = 40", ask: "x + 2", answer: "42" },
  typescript: { set: "var x: number = 40", ask: "x + 2", answer: "42" },
};

export function kernelTests(context: () => SuiteContext): void {
  for (const [language, { set, ask, answer }] of Object.entries(SUMS)) {
    test(`the ${language} kernel keeps its state between requests`, async ({ skip }) => {
      const { capabilities } = context();
      skip(!capabilities.languages.includes(language as Language), `no ${language} here`);
      await using sandbox = await makeSandbox(context(), { languages: [language as Language] });
      await using kernel = await startKernel(sandbox, language as Language);
      await kernel.ask(set);
      const value = (await kernel.ask(ask)).find((message) => message.t === "value");
      expect(value?.preview).toBe(answer);
    });
  }

  test("a language that the host lacks is refused by name", async () => {
    const { capabilities } = context();
    const lacking = (["python", "rust", "bash"] as const).find(
      (language) => !capabilities.languages.includes(language),
    );
    if (!lacking) return;
    await expect(makeSandbox(context(), { languages: [lacking] })).rejects.toMatchObject({
      code: "language_unavailable",
      message: expect.stringContaining(lacking),
    });
  });
}

export interface KernelUnderTest extends AsyncDisposable {
  /** Messages of one request, until `done`. */
  ask(source: string): Promise<KernelMessage[]>;
}

export async function startKernel(sandbox: Sandbox, language: Language): Promise<KernelUnderTest> {
  const process = await sandbox.spawn({ kind: "kernel", language, tag: language });
  const messages = read(process);
  const ready = await messages.next();
  expect(ready.value?.t).toBe("ready");
  return kernelOf(process, language, messages);
}

/** A kernel that runs already, as one that a fork took along. */
export function kernelOf(process: SandboxProcess, language: Language, messages = read(process)): KernelUnderTest {
  let requests = 0;
  // Input is acknowledged to who reads; so reading begins first. What nobody asks for any more may fail with the sandbox.
  const readOn = () => {
    const message = messages.next();
    message.catch(() => {});
    return message;
  };
  let next = readOn();
  return {
    async ask(source) {
      requests += 1;
      const id = `${process.id}-${requests}-${performance.now()}`;
      await process.writeControl(
        encodeKernelRequest({ id, mode: "repl", source, language, args: [], env: {}, cwd: "/workspace" }),
      );
      const answers: KernelMessage[] = [];
      for (;;) {
        const { value, done } = await next;
        next = readOn();
        if (done) throw new Error("the kernel ended");
        // What it was asked before, by whoever made it ready, is not what it is asked now.
        if (value.t !== "ready" && value.id !== id) continue;
        if (value.t === "done") return answers;
        answers.push(value);
      }
    },
    async [Symbol.asyncDispose]() {
      await process.signal("SIGKILL", "tree").catch(() => {});
      await messages.return(undefined);
      process.release();
    },
  };
}

async function* read(process: SandboxProcess): AsyncGenerator<KernelMessage, undefined> {
  const reader = new KernelMessageReader();
  for await (const item of process.output()) {
    if (item.kind !== "output") continue;
    process.ack(item.stream, item.offset + item.data.length);
    if (item.stream === "control") yield* reader.push(Buffer.from(item.data));
  }
  return undefined;
}
