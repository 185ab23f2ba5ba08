import { chmod, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Language, newId } from "../../packages/glovebox/src/core/index.ts";
import type { Sandbox, SandboxSpec } from "../../packages/glovebox/src/sandbox/index.ts";
import { kernelOf, startKernel } from "./kernels.ts";
import { finish, LIMITS, makeSandbox, python, type SuiteContext, shell } from "./subject.ts";

/** What each language draws, so that two copies of one machine can be compared. */
const DRAWS: Readonly<Partial<Record<Language, readonly string[]>>> = {
  python: ["__import__('random').random()", "__import__('os').urandom(8).hex()", "__import__('uuid').uuid4().hex"],
  javascript: ["Math.random()", "require('node:crypto').randomBytes(8).toString('hex')", "crypto.randomUUID()"],
  bash: ["echo $RANDOM$RANDOM$RANDOM >&2; cat /proc/sys/kernel/random/uuid >&2"],
};

/** What a sandbox is called, wherever a program may look for that, and its kernel's id for having started, if it tells one. */
async function namesOf(sandbox: Sandbox): Promise<{ readonly host: string; readonly bootId: string }> {
  const line =
    "hostname; cat /etc/hostname; getent hosts $(hostname) | wc -l; cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none";
  const [host = "", written, found, bootId = ""] = (await shell(sandbox, line)).stdout.split("\n");
  expect([written, found]).toEqual([host, "1"]);
  return { host, bootId };
}

/** Snapshot, restore, fork and pause, as far as a driver has them, and that the others say no. */
export function snapshotTests(context: () => SuiteContext): void {
  test("what the driver cannot is refused", async () => {
    const { subject, capabilities } = context();
    await using sandbox = await makeSandbox(context());
    const refused = { code: "not_supported_by_isolation" };
    const dir = join(subject.baseDir, "refused");
    const spec = await newSpec(context());
    if (capabilities.snapshot === "none") {
      await expect(sandbox.snapshot({ dir })).rejects.toMatchObject(refused);
      await expect(subject.driver.restore(dir, spec)).rejects.toMatchObject(refused);
    }
    if (capabilities.fork === "none") await expect(sandbox.fork([spec])).rejects.toMatchObject(refused);
    if (!capabilities.pause) await expect(sandbox.pause()).rejects.toMatchObject(refused);
  });

  test("a snapshot of the files is restored into another sandbox, and the first goes on", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(capabilities.snapshot === "none", "no snapshots");
    const dir = join(subject.baseDir, `files-${newId()}`);
    await using sandbox = await makeSandbox(context());
    await shell(sandbox, "mkdir d; echo one > d/a; ln -s d/a link");
    const manifest = await sandbox.snapshot({ dir, kind: "files" });
    expect(manifest).toMatchObject({ version: 2, isolation: subject.driver.isolation, kind: "files" });
    await shell(sandbox, "echo two > d/a");
    await using restored = await subject.driver.restore(dir, await newSpec(context()));
    expect((await shell(restored, "cat d/a link")).stdout).toBe("one\none\n");
    expect((await shell(sandbox, "cat d/a")).stdout).toBe("two\n");
    await expect(sandbox.snapshot({ dir, kind: "files" })).rejects.toMatchObject({ code: "already_exists" });
  });

  test("a snapshot that was damaged, or is another host's, is refused", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(capabilities.snapshot === "none", "no snapshots");
    const dir = join(subject.baseDir, `damaged-${newId()}`);
    await using sandbox = await makeSandbox(context());
    await sandbox.snapshot({ dir });
    const path = join(dir, "manifest.json");
    const manifest = JSON.parse(await readFile(path, "utf8"));
    if (capabilities.snapshot === "memory") {
      const foreign = { ...manifest, compatibility: { ...manifest.compatibility, kernel: "another" } };
      await writeFile(path, JSON.stringify(foreign));
      const restoring = subject.driver.restore(dir, await newSpec(context()));
      await expect(restoring).rejects.toMatchObject({
        code: "snapshot_incompatible",
        details: { differing: ["kernel"] },
      });
      await writeFile(path, JSON.stringify(manifest));
    }
    // Of a driver whose snapshots hold a tree of the host's own, not every file has a checksum.
    const [name] = Object.keys(manifest.files);
    if (name !== undefined) {
      const bytes = await readFile(join(dir, name));
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      await chmod(join(dir, name), 0o600);
      await writeFile(join(dir, name), bytes);
      const restoring = subject.driver.restore(dir, await newSpec(context()));
      await expect(restoring).rejects.toMatchObject({ code: "snapshot_corrupt" });
    }
    await writeFile(path, "{");
    await expect(subject.driver.restore(dir, await newSpec(context()))).rejects.toMatchObject({
      code: "snapshot_corrupt",
    });
    expect((await shell(sandbox, "echo alive")).stdout).toBe("alive\n");
  });

  test("forks go on with the parent's memory, each its own way, and so does a restored snapshot", async ({ skip }) => {
    const { subject, capabilities } = context();
    skip(capabilities.fork !== "memory", "forks have no memory");
    await using sandbox = await makeSandbox(context(), { languages: ["python"], forkable: true });
    const kernel = await startKernel(sandbox, "python");
    await kernel.ask("x = 40; open('f', 'w').write('parent')");
    const { sandboxes } = await sandbox.fork([await newSpec(context()), await newSpec(context())]);
    await using first = sandboxes[0] as Sandbox;
    await using second = sandboxes[1] as Sandbox;
    for (const [child, step] of [
      [first, 1],
      [second, 2],
    ] as const) {
      const value = await askAttached(child, "python", `x += ${step}; open('f', 'a').write('${step}'); x`);
      expect(value).toBe(String(40 + step));
    }
    for (const [child, text] of [
      [first, "parent1"],
      [second, "parent2"],
    ] as const) {
      expect((await shell(child, "cat f")).stdout).toBe(text);
    }
    expect((await kernel.ask("x, open('f').read()")).find((message) => message.t === "value")?.preview).toBe(
      "(40, 'parent')",
    );
    const dir = join(subject.baseDir, `memory-${newId()}`);
    const manifest = await first.snapshot({ dir });
    expect(manifest.kind).toBe("memory");
    const names = await namesOf(first);
    await first.destroy();
    await using restored = await subject.driver.restore(dir, await newSpec(context()));
    expect(await askAttached(restored, "python", "x")).toBe("41");
    expect((await shell(restored, "cat f")).stdout).toBe("parent1");
    const known = [await namesOf(sandbox), names, await namesOf(second), await namesOf(restored)];
    expect(new Set(known.map(({ host }) => host)).size).toBe(known.length);
    const ids = known.flatMap(({ bootId }) => (bootId === "none" ? [] : [bootId]));
    expect(new Set(ids).size).toBe(ids.length);
    // A program that was there before knows it, too.
    expect(await askAttached(restored, "python", "__import__('socket').gethostname()")).toBe(`'${known[3]?.host}'`);
    const eaten = await python(
      restored,
      "b = bytearray(400 << 20)\nfor i in range(0, len(b), 4096): b[i] = 1\nprint('ate')",
    );
    expect([eaten.stdout, eaten.signal ?? eaten.stderr]).toEqual(["", expect.stringMatching(/SIGKILL|MemoryError/)]);
    const now = Number((await shell(restored, "date +%s")).stdout);
    expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(60);
  });

  test("copies draw different random numbers in every language and from the kernel", { timeout: 240_000 }, async ({
    skip,
  }) => {
    const { capabilities } = context();
    skip(capabilities.fork !== "memory", "forks have no memory");
    const languages = (Object.keys(DRAWS) as Language[]).filter((language) =>
      capabilities.languages.includes(language),
    );
    await using sandbox = await makeSandbox(context(), { languages });
    for (const language of languages) {
      const kernel = await startKernel(sandbox, language);
      // Both copies have drawn before, so that there is a state to share.
      for (const code of DRAWS[language] ?? []) await kernel.ask(code);
    }
    const { sandboxes } = await sandbox.fork([await newSpec(context()), await newSpec(context())]);
    await using first = sandboxes[0] as Sandbox;
    await using second = sandboxes[1] as Sandbox;
    for (const language of languages) {
      for (const code of DRAWS[language] ?? []) {
        const drawn = [await askAttached(first, language, code), await askAttached(second, language, code)];
        expect(drawn[0], `${language}: ${code}`).not.toBe("");
        expect(drawn[0], `${language}: ${code}`).not.toBe(drawn[1]);
      }
    }
  });

  test("a paused sandbox stands still, and goes on", async ({ skip }) => {
    skip(!context().capabilities.pause, "no pause");
    await using sandbox = await makeSandbox(context());
    // Begun before: without a freezer it is the programs that stand still, and the agent still begins others.
    const cat = await sandbox.spawn({ kind: "program", argv: ["/bin/cat"] });
    let answered = false;
    const reading = finish(cat).then((outcome) => {
      answered = true;
      return outcome;
    });
    await sandbox.pause();
    await sandbox.pause();
    const written = cat.write(Buffer.from("later")).then(() => cat.closeStdin());
    // Nothing to wait for: that it does not answer shows by its answering only after it was let go on.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answered).toBe(false);
    await sandbox.resume();
    await sandbox.resume();
    await written;
    expect((await reading).stdout).toBe("later");
  });
}

async function newSpec({ subject }: SuiteContext): Promise<SandboxSpec> {
  const workspaceDir = await mkdtemp(join(subject.baseDir, "ws-"));
  return { id: newId(), workspaceDir, limits: LIMITS, allowPartial: false, env: {}, languages: [] };
}

const asked = new WeakMap<Sandbox, Map<Language, ReturnType<typeof kernelOf>>>();

/** Asks the kernel that a copy brought along. Its value, or what it wrote to stderr. */
async function askAttached(sandbox: Sandbox, language: Language, code: string): Promise<string> {
  const known = asked.get(sandbox) ?? new Map<Language, ReturnType<typeof kernelOf>>();
  asked.set(sandbox, known);
  let kernel = known.get(language);
  if (!kernel) {
    const process = sandbox.attached.find((candidate) => candidate.tag === language);
    if (!process) throw new Error(`no ${language} kernel came along`);
    kernel = kernelOf(process, language);
    known.set(language, kernel);
  }
  const marked = language === "bash" ? `{ ${code}; } 2>/workspace/drawn` : code;
  const messages = await kernel.ask(marked);
  if (language === "bash") return (await shell(sandbox, "cat /workspace/drawn")).stdout;
  const value = messages.find((message) => message.t === "value");
  return value?.preview ?? JSON.stringify(messages);
}
