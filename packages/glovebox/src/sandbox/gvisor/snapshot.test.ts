import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId, type SandboxConnection } from "../../core/index.ts";
import type { Sandbox, SandboxSpec } from "../driver.ts";
import { encodeKernelRequest, KernelMessageReader } from "../kernel/index.ts";
import type { ProcessItem, SandboxProcess } from "../process.ts";
import { GvisorDriver } from "./index.ts";
import { CONTAINER } from "./places.ts";
import { runscCommand } from "./runsc.ts";
import { checkpointCommand, restoreCommand } from "./runsc-argv.ts";

let dir: string;
let driver: GvisorDriver;
let missing = "";

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "glovebox-gvisor-snapshot-"));
  driver = new GvisorDriver({ runDir: join(dir, "run"), waiting: 0 });
  const probed = await driver.probe();
  if (!probed.available) missing = probed.reason;
});
beforeEach(({ skip }) => skip(missing !== "", `isolation gvisor: ${missing}`));
afterAll(async () => {
  if (missing === "") await driver.sweep(new Set());
  await driver[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function spec(more: Partial<SandboxSpec> = {}): SandboxSpec {
  const id = newId();
  const workspaceDir = join(dir, `ws-${id}`);
  mkdirSync(workspaceDir);
  const limits = { cpus: 1, memoryMb: 256, pids: 64, openFiles: 256, diskMb: 64 };
  return { id, workspaceDir, limits, allowPartial: false, env: {}, languages: [], ...more };
}

const folder = () => join(dir, `snapshot-${newId()}`);

/** Adds each number that it reads to a sum in its memory. */
const ADDER = "import sys\nx = 0\nfor line in sys.stdin:\n  x += int(line)\n  print(x, flush=True)";

/** A running program and what it says, line by line. */
class Talk {
  readonly #lines: AsyncGenerator<string, void>;
  readonly process: SandboxProcess;

  constructor(process: SandboxProcess) {
    this.process = process;
    this.#lines = lines(process);
  }

  static async start(sandbox: Sandbox, code: string): Promise<Talk> {
    const argv = ["/usr/bin/python3", "-c", code];
    return new Talk(await sandbox.spawn({ kind: "program", argv, env: { MARK: "talk" } }));
  }

  async ask(line: string): Promise<string | undefined> {
    const answer = this.next();
    await this.process.write(Buffer.from(`${line}\n`));
    return await answer;
  }

  async next(): Promise<string | undefined> {
    const { value } = await this.#lines.next();
    return value ?? undefined;
  }
}

async function* lines(process: SandboxProcess): AsyncGenerator<string, void> {
  let text = "";
  for await (const item of process.output()) {
    if (item.kind !== "output") continue;
    text += Buffer.from(item.data).toString();
    process.ack(item.stream, item.offset + item.data.length);
    const whole = text.split("\n");
    text = whole.pop() ?? "";
    yield* whole;
  }
}

/** A kernel that answers with the preview of its value, or what it printed. */
class KernelTalk {
  readonly language: "python" | "javascript" | "bash";
  readonly #process: SandboxProcess;
  readonly #items: AsyncIterator<ProcessItem>;
  readonly #reader = new KernelMessageReader();
  #asked = 0;

  constructor(process: SandboxProcess) {
    this.#process = process;
    this.language = process.tag as KernelTalk["language"];
    this.#items = process.output()[Symbol.asyncIterator]();
  }

  ready(): Promise<string> {
    return this.#until("ready");
  }

  async ask(source: string): Promise<string> {
    this.#asked += 1;
    const { language } = this;
    const request = { id: `r${this.#asked}`, mode: "repl", source, language, args: [], env: {} } as const;
    const answer = this.#until("done");
    await this.#process.writeControl(encodeKernelRequest({ ...request, cwd: "/workspace" }));
    return await answer;
  }

  async #until(last: string): Promise<string> {
    let said = "";
    for (;;) {
      const { value: item } = await this.#items.next();
      if (item?.kind !== "output") throw new Error(`the kernel ended: ${JSON.stringify(item)}`);
      this.#process.ack(item.stream, item.offset + item.data.length);
      if (item.stream !== "control") {
        said += Buffer.from(item.data).toString();
        continue;
      }
      for (const message of this.#reader.push(Buffer.from(item.data))) {
        if (message.t === "value" && said === "") said = message.preview;
        if (message.t === last) return said;
      }
    }
  }
}

async function shell(sandbox: Sandbox, line: string): Promise<string> {
  const talk = new Talk(await sandbox.spawn({ kind: "program", argv: ["/bin/sh", "-c", line], stdin: "null" }));
  const said: string[] = [];
  for (let next = await talk.next(); next !== undefined; next = await talk.next()) said.push(next);
  talk.process.release();
  return said.join("\n");
}

/** The one program that a copied sandbox came with. */
function heir(sandbox: Sandbox): Talk {
  expect(sandbox.attached).toHaveLength(1);
  return new Talk(sandbox.attached[0]!);
}

describe("a snapshot of a gvisor sandbox", () => {
  test("holds memory, programs and files, and the sandbox goes on", async () => {
    await using parent = await driver.create(spec({ env: { KEPT: "yes" } }));
    const adder = await Talk.start(parent, ADDER);
    expect(await adder.ask("40")).toBe("40");
    await parent.files.write("a.txt", Buffer.from("then\n"));
    const snapshot = folder();
    const manifest = await parent.snapshot({ dir: snapshot });
    expect(manifest).toMatchObject({ isolation: "gvisor", kind: "memory" });
    expect(await adder.ask("2")).toBe("42");
    await parent.files.write("a.txt", Buffer.from("changed\n"));
    await using copy = await driver.restore(snapshot, spec());
    const copied = heir(copy);
    expect(await copied.ask("60")).toBe("100");
    expect(await shell(copy, "cat a.txt; echo $KEPT; id -u")).toBe("then\nyes\n1000");
    await copy.files.write("a.txt", Buffer.from("of the copy\n"));
    expect(await shell(parent, "cat a.txt")).toBe("changed");
    expect(await adder.ask("0")).toBe("42");
  });

  test("loses and repeats nothing of what a program writes meanwhile", { timeout: 60_000 }, async () => {
    await using sandbox = await driver.create(spec());
    const counting = "import time\nfor i in range(3000):\n  print(i, flush=True)\n  time.sleep(0.001)";
    const counter = await Talk.start(sandbox, counting);
    const seen = [await counter.next()];
    const taking = (async () => {
      for (let i = 0; i < 2; i += 1) await sandbox.snapshot({ dir: folder() });
    })();
    for (let next = await counter.next(); next !== undefined; next = await counter.next()) seen.push(next);
    await taking;
    expect(seen).toEqual(Array.from({ length: 3000 }, (_, index) => String(index)));
  });

  test("of files alone starts a new sandbox with them", async () => {
    await using parent = await driver.create(spec());
    await shell(parent, "mkdir -p deep/er; echo data > deep/er/f; ln -s deep/er/f link; chmod 750 deep");
    const snapshot = folder();
    const manifest = await parent.snapshot({ dir: snapshot, kind: "files" });
    expect(Object.keys(manifest.files)).toEqual(["tree"]);
    await using copy = await driver.restore(snapshot, spec());
    expect(copy.attached).toEqual([]);
    expect(await shell(copy, "cat link; stat -c '%a %u' deep; echo more >> deep/er/f && echo wrote")).toBe(
      "data\n750 1000\nwrote",
    );
  });

  test("that is damaged, another's or of another system is refused", async () => {
    await using parent = await driver.create(spec());
    const snapshot = folder();
    await parent.snapshot({ dir: snapshot });
    await expect(parent.snapshot({ dir: snapshot })).rejects.toMatchObject({ code: "already_exists" });
    const path = join(snapshot, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    const refused = async (changed: object, code: string) => {
      writeFileSync(path, JSON.stringify({ ...manifest, ...changed }));
      await expect(driver.restore(snapshot, spec())).rejects.toMatchObject({ code });
    };
    await refused({ isolation: "microvm" }, "snapshot_incompatible");
    await refused({ compatibility: { ...manifest.compatibility, runsc: "other" } }, "snapshot_incompatible");
    await refused({ data: { ...manifest.data, limits: { cpus: -1 } } }, "snapshot_corrupt");
    writeFileSync(path, JSON.stringify(manifest));
    const image = readFileSync(join(snapshot, "checkpoint.img"));
    image[image.length >> 1] = (image[image.length >> 1] ?? 0) ^ 1;
    rmSync(join(snapshot, "checkpoint.img"));
    writeFileSync(join(snapshot, "checkpoint.img"), image);
    await refused({}, "snapshot_corrupt");
    expect(await shell(parent, "echo alive")).toBe("alive");
  });

  test("for which there is no space leaves nothing, and the sandbox goes on", async ({ skip }) => {
    const small = join(dir, "small");
    mkdirSync(small);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", small], { stdio: "ignore" });
    } catch {
      skip("no right to mount a small file system");
    }
    try {
      await using sandbox = await driver.create(spec());
      const adder = await Talk.start(sandbox, ADDER);
      await shell(sandbox, "head -c 300000 /dev/urandom > big");
      for (const kind of ["memory", "files"] as const) {
        const refused = sandbox.snapshot({ dir: join(small, "snapshot"), kind });
        await expect(refused).rejects.toMatchObject({ code: "resource_exhausted" });
        expect(existsSync(join(small, "snapshot"))).toBe(false);
      }
      expect(await adder.ask("3")).toBe("3");
    } finally {
      execFileSync("umount", [small]);
    }
  });

  test("that a killed server left half done does not hold the sandbox", async () => {
    const sandbox = await driver.create(spec());
    const adder = await Talk.start(sandbox, ADDER);
    expect(await adder.ask("7")).toBe("7");
    await sandbox.detach();
    const words = restoreCommand("left");
    const between = () => Promise.reject(new Error("killed"));
    const run = join(dir, "run", sandbox.id);
    await expect(runscCommand(run, checkpointCommand("left"), { words, between })).rejects.toThrow("killed");
    await using again = await driver.attach(sandbox.record);
    expect(await heir(again).ask("1")).toBe("8");
  });
});

describe("a fork of a gvisor sandbox", () => {
  test("continues in every copy by itself, with other random numbers", { timeout: 60_000 }, async () => {
    const accepted: SandboxConnection[] = [];
    const network = { accept: (connection: SandboxConnection) => void accepted.push(connection) };
    await using parent = await driver.create(spec({ network }));
    const adder = await Talk.start(parent, ADDER);
    expect(await adder.ask("1")).toBe("1");
    const greeted = { accept: ({ stream }: SandboxConnection) => void stream.end("hello\n") };
    const { sandboxes, path } = await parent.fork([spec({ network: greeted }), spec({ network: greeted }), spec()]);
    await using stack = new AsyncDisposableStack();
    for (const sandbox of sandboxes) stack.use(sandbox);
    expect([sandboxes.length, path]).toEqual([3, "copied"]);
    const sums = await Promise.all(sandboxes.map((sandbox, index) => heir(sandbox).ask(String(10 * (index + 1)))));
    expect(sums).toEqual(["11", "21", "31"]);
    expect(await adder.ask("1")).toBe("2");
    const random = "head -c 16 /dev/urandom | od -An -tx1";
    const drawn = await Promise.all([parent, ...sandboxes].map((sandbox) => shell(sandbox, random)));
    expect(new Set(drawn).size).toBe(4);
    const dial = "import socket; print(socket.create_connection(('127.0.0.1', 3128)).makefile().read().strip())";
    for (const sandbox of sandboxes.slice(0, 2)) {
      expect(await shell(sandbox, `python3 -c "${dial}"`)).toBe("hello");
    }
    expect(accepted).toEqual([]);
  });

  test("has kernels that draw other random numbers than those of its parent and its siblings", async () => {
    const draws = {
      python: ["import random", "random.random()"],
      javascript: ["1", "Math.random()"],
      bash: ["RANDOM=42; true", "echo $RANDOM.$RANDOM.$RANDOM"],
    } as const;
    const languages = Object.keys(draws) as (keyof typeof draws)[];
    await using parent = await driver.create(spec({ languages }));
    const kernels = await Promise.all(
      languages.map(
        async (language) => new KernelTalk(await parent.spawn({ kind: "kernel", language, tag: language })),
      ),
    );
    for (const kernel of kernels) await kernel.ready();
    for (const kernel of kernels) await kernel.ask(draws[kernel.language][0]);
    const { sandboxes } = await parent.fork([spec(), spec()]);
    await using stack = new AsyncDisposableStack();
    for (const sandbox of sandboxes) stack.use(sandbox);
    const copies = sandboxes.flatMap(({ attached }) => attached.map((process) => new KernelTalk(process)));
    expect(copies).toHaveLength(2 * languages.length);
    const drawn = new Map<string, string[]>();
    for (const kernel of [...kernels, ...copies]) {
      const answer = await kernel.ask(draws[kernel.language][1]);
      drawn.set(kernel.language, [...(drawn.get(kernel.language) ?? []), answer]);
    }
    for (const [language, answers] of drawn) {
      expect(answers, language).toHaveLength(3);
      expect(new Set(answers).size, `${language}: ${answers.join(" ")}`).toBe(3);
    }
  });

  test("makes all or none, and leaves nothing behind", async () => {
    await using parent = await driver.create(spec());
    const taken = spec();
    const wanted = [spec(), { ...taken, id: parent.id }];
    await expect(parent.fork(wanted)).rejects.toMatchObject({ code: "already_exists" });
    expect(await shell(parent, "echo alive")).toBe("alive");
    expect(existsSync(join(dir, "run", wanted[0]!.id))).toBe(false);
    expect(execFileSync("ls", [dir], { encoding: "utf8" })).not.toContain(".fork-");
  });
});

describe("a paused gvisor sandbox", () => {
  test("stands still until it is resumed, also for the next server", async () => {
    const sandbox = await driver.create(spec());
    const adder = await Talk.start(sandbox, ADDER);
    expect(await adder.ask("1")).toBe("1");
    await sandbox.pause();
    await sandbox.pause();
    const waiting = shell(sandbox, "echo went on");
    const first = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 300, "silent"))]);
    expect(first).toBe("silent");
    const snapshot = folder();
    await sandbox.snapshot({ dir: snapshot, kind: "files" });
    await sandbox.resume();
    expect(await waiting).toBe("went on");
    await sandbox.pause();
    await sandbox.detach();
    await using again = await driver.attach(sandbox.record);
    await again.resume();
    expect(await heir(again).ask("1")).toBe("2");
  });

  test("can be destroyed", async () => {
    const sandbox = await driver.create(spec());
    await sandbox.pause();
    await sandbox.destroy();
    expect(existsSync(join(dir, "run", sandbox.id))).toBe(false);
    await expect(runscCommand(join(dir, "run"), ["pause", CONTAINER])).rejects.toMatchObject({ code: "unavailable" });
  });
});
