import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineProgram, type Program, type ProgramContext } from "../../engine/index.ts";
import { openRunStage, type RunStage } from "../../runs/testing/run-stage.ts";
import { TENANT } from "../../sessions/testing/stage.ts";
import type { Diff } from "../messages/diff.ts";
import { makeRepository, type TestRepository } from "../testing/repository.ts";
import { type ApplyReport, applyDiff } from "./apply-diff.ts";
import { listFiles } from "./list-files.ts";
import { makeDiff } from "./make-diff.ts";
import type { RepositoryBench } from "./repository-bench.ts";
import type { RepositorySource } from "./repository-tree.ts";
import { Workbench, type WorkbenchSpec } from "./workbench.ts";

const exec = promisify(execFile);
const any = { input: z.unknown(), output: z.unknown() };

describe("a repository in a run's sandbox", { timeout: 90_000 }, () => {
  let at: RunStage;
  let repository: TestRepository;
  let counter = 0;
  beforeAll(async () => {
    at = await openRunStage();
    repository = await makeRepository({
      "src/add.py": "def add(a, b):\n    return a - b\n",
      "src/other.py": "A = 1\nB = 2\nC = 3\nD = 4\nE = 5\nF = 6\nG = 7\nH = 8\n",
      "docs/ä b.md": "no end of line",
      "bin/tool": "#!/bin/sh\n",
      "picture.bin": Buffer.from([0, 1, 2, 255]),
      ".gitignore": "ignored/\n",
    });
    await repository.write({ "untracked.txt": "new\n", "ignored/big.txt": "big\n", "ignored/deep/more.txt": "more\n" });
    await chmod(join(repository.path, "bin/tool"), 0o755);
    await symlink("src/add.py", join(repository.path, "link.py"));
    await symlink("/etc/passwd", join(repository.path, "out"));
  });
  afterAll(async () => {
    await at[Symbol.asyncDispose]();
    await repository[Symbol.asyncDispose]();
  });

  const withBench = async <T>(
    work: (bench: Workbench, context: ProgramContext) => Promise<T>,
    source: RepositorySource = { kind: "folder", path: repository.path },
    spec: WorkbenchSpec = { template: "python" },
  ): Promise<T> => {
    counter += 1;
    const program = defineProgram({
      name: `bench-${counter}`,
      version: "1",
      ...any,
      run: async (context) => {
        const parts = { sandboxes: at.sandboxes, folders: true, blobs: at.stage.store.blobs };
        return await work(await Workbench.open(context, parts, source, spec), context);
      },
    });
    const id = await at.start(program, {});
    const result = (await at.engine.result(TENANT, id, AbortSignal.timeout(60_000))) as T;
    expect(await at.engine.replay(TENANT, id)).toMatchObject({ identical: true });
    return result;
  };

  it("has the files of the working copy, without what git ignores, and with what was asked for", async () => {
    const { base, tree, link, included } = await withBench(
      async (bench) => ({
        base: bench.base,
        tree: await bench.tree(),
        link: await bench.work("link", {}, (_input, inside) => inside.readFile("src/add.py")),
        included: await bench.work("included", {}, (_input, inside) => inside.readFile("ignored/deep/more.txt")),
      }),
      { kind: "folder", path: repository.path, include: ["ignored"] },
    );
    const paths = [
      ".gitignore",
      "bin/tool",
      "docs/ä b.md",
      "picture.bin",
      "src/add.py",
      "src/other.py",
      "untracked.txt",
    ];
    expect(tree.files.map(({ path }) => path)).toEqual(paths);
    expect(tree.files).toEqual(base.files);
    expect(tree.files[1]).toMatchObject({ mode: 0o755, size: 10 });
    expect(base).toMatchObject({ dirty: true, skipped: [{ path: "out", reason: "link_out" }] });
    expect(base.head).toBe(await repository.git("rev-parse", "HEAD"));
    expect(link).toBe("def add(a, b):\n    return a - b\n");
    expect(included).toBe("more\n");
  });

  it("applies a diff and gives back one that git applies to the same end", async () => {
    const change = makeDiff([
      { path: "src/add.py", before: "def add(a, b):\n    return a - b\n", after: "def add(a, b):\n    return a + b\n" },
      { path: "docs/ä b.md", before: "no end of line", after: "now\nwith one\n" },
      { path: "new/deep.txt", before: null, after: "made" },
      { path: "untracked.txt", before: "new\n", after: null },
    ]);
    const { report, again, diff, changed } = await withBench(async (bench) => ({
      report: await bench.apply("fix", change),
      again: await bench.apply("fix again", change),
      diff: await bench.diff("diff"),
      changed: await bench.changes("changes"),
    }));
    expect(report).toMatchObject({ applied: true, conflicts: [] });
    expect(report.files.map(({ action }) => action)).toEqual(["modified", "created", "modified", "deleted"]);
    expect(again.files.map(({ action }) => action)).toEqual(["unchanged", "unchanged", "unchanged", "unchanged"]);
    expect(diff).toEqual(change);
    expect(changed.diff).toEqual(change);
    expect(changed.changes.map(({ path, content }) => [path, content === null])).toEqual([
      ["docs/ä b.md", false],
      ["new/deep.txt", false],
      ["src/add.py", false],
      ["untracked.txt", true],
    ]);
    const copy = await mkdtemp(join(tmpdir(), "glovebox-copy-"));
    try {
      await exec("cp", ["-a", `${repository.path}/.`, copy]);
      await writeFile(join(copy, "the.diff"), diff.text);
      await exec("git", ["-C", copy, "apply", "the.diff"]);
      expect(await readFile(join(copy, "docs/ä b.md"), "utf8")).toBe("now\nwith one\n");
      expect(await readFile(join(copy, "new/deep.txt"), "utf8")).toBe("made");
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });

  it("merges with what changed meanwhile, and changes nothing where both changed the same", async () => {
    const before = "A = 1\nB = 2\nC = 3\nD = 4\nE = 5\nF = 6\nG = 7\nH = 8\n";
    const first = makeDiff([{ path: "src/other.py", before, after: before.replace("A = 1", "A = 10") }]);
    const last = makeDiff([
      { path: "made.txt", before: null, after: "made\n" },
      { path: "src/other.py", before, after: before.replace("H = 8", "H = 80") },
    ]);
    const clash = makeDiff([
      { path: "another.txt", before: null, after: "made\n" },
      { path: "src/other.py", before, after: before.replace("A = 1", "A = 11") },
    ]);
    const seen = await withBench(async (bench) => ({
      first: await bench.apply("first", first),
      refused: await bench.apply("refused", last, { onDrift: "refuse" }),
      merged: await bench.apply("merged", last),
      clash: await bench.apply("clash", clash),
      diff: await bench.diff("diff"),
    }));
    expect(seen.refused).toMatchObject({ applied: false, files: [] });
    expect(seen.merged.files).toEqual([
      { path: "made.txt", action: "created", merged: false },
      { path: "src/other.py", action: "modified", merged: true },
    ]);
    expect(seen.clash).toMatchObject({
      applied: false,
      conflicts: [{ path: "src/other.py", places: [{ ours: "A = 10", base: "A = 1", theirs: "A = 11" }] }],
    });
    expect(seen.diff).toEqual(
      makeDiff([
        { path: "made.txt", before: null, after: "made\n" },
        { path: "src/other.py", before, after: before.replace("A = 1", "A = 10").replace("H = 8", "H = 80") },
      ]),
    );
  });

  it("lists the files again when something can have changed them, and only then", async () => {
    const seen = await withBench(async (bench, context) => {
      const look = async (name: string) => {
        const before = (await context.budget()).used.toolCalls;
        const { files } = await bench.tree(name);
        const listings = (await context.budget()).used.toolCalls - before;
        return { listings, added: files.map(({ path }) => path).filter((path) => path.startsWith("new-")) };
      };
      const put = (name: string, work: (inside: RepositoryBench) => Promise<unknown>) =>
        bench.work(name, {}, async (_input, inside) => void (await work(inside)));
      const opened = await look("opened");
      await put("ran", (inside) => inside.run(["touch", "new-1"]));
      const ran = [await look("after a program"), await look("again")];
      await put("wrote", (inside) => inside.writeFile("new-2", ""));
      const wrote = [await look("after a write"), await look("and again")];
      await put("direct", async (inside) => {
        const files = await inside.sandbox.files();
        await listFiles(inside, []);
        await files.write("/workspace/repo/new-3", Buffer.from(""));
      });
      const direct = [await look("after the sandbox itself"), await look("once more")];
      const { diff } = await bench.changes("changes");
      return { opened, ran, wrote, direct, changed: diff.files.map(({ path }) => path) };
    });
    const [one, two, three] = [["new-1"], ["new-1", "new-2"], ["new-1", "new-2", "new-3"]];
    const both = (added: readonly string[] | undefined) => [
      { listings: 1, added },
      { listings: 0, added },
    ];
    expect(seen).toEqual({
      opened: { listings: 0, added: [] },
      ...{ ran: both(one), wrote: both(two), direct: both(three) },
      changed: three,
    });
  });

  it("begins a step anew after a crash: what the attempt before left is not there, but for what it was to keep", async () => {
    const begun = Promise.withResolvers<void>();
    const program = defineProgram({
      name: "crash",
      version: "1",
      ...any,
      run: async (context) => {
        const parts = { sandboxes: at.sandboxes, folders: true };
        const bench = await Workbench.open(context, parts, { kind: "folder", path: repository.path });
        return await bench.work("results", {}, async (_input, inside) => {
          const { attempt } = inside.sandbox.step;
          const [scratch, kept] = [inside.scratch("results"), inside.kept("plan")];
          const run = inside.run(["sh", "-c", `echo ${attempt} >> ${scratch}; [ ${attempt} = 2 ] || sleep 600`]);
          if (attempt === 1) {
            await inside.writeFile(kept, "the plan");
            await expect.poll(() => inside.readFileIfAny(scratch), { timeout: 30_000 }).toBe("1\n");
            begun.resolve();
          }
          await run;
          const { stdout } = await inside.run(["sh", "-c", "ls /workspace/.glovebox | grep -c results-"]);
          return [await inside.readFile(scratch), stdout, await inside.readFile(kept)];
        });
      },
    });
    const id = await at.start(program, {});
    await begun.promise;
    await at.reopen([program as Program]);
    expect(await at.engine.result(TENANT, id, AbortSignal.timeout(60_000))).toEqual(["2\n", "1\n", "the plan"]);
  });

  it("tells the same of a diff that a crash cut in the midst: files that were changed already, and those that were not", async () => {
    const change = makeDiff([
      { path: "src/add.py", before: "def add(a, b):\n    return a - b\n", after: "def add(a, b):\n    return a + b\n" },
      {
        path: "docs/ä b.md",
        before: "no end of line",
        after: "no end of line",
        mode: { before: "100644", after: "100755" },
      },
      { path: "new.txt", before: null, after: "made" },
      { path: "untracked.txt", before: "new\n", after: null },
    ]);
    const cut = Promise.withResolvers<void>();
    const findBase = async () => undefined;
    /** Changes so many files, and then waits for the end. */
    const cutAfter = async (inside: RepositoryBench, changes: number) => {
      const files = await inside.sandbox.files();
      let left = changes;
      const rename: typeof files.rename = async (...given) => {
        if (left-- > 0) return files.rename(...given);
        cut.resolve();
        await new Promise((_resolve, reject) =>
          inside.signal.addEventListener("abort", () => reject(inside.signal.reason)),
        );
      };
      const cutting = new Proxy(files, {
        get: (target, key: keyof typeof files) =>
          key === "rename" ? rename : key in target ? target[key].bind(target) : undefined,
      });
      Object.assign(inside.sandbox, { files: async () => cutting });
      return applyDiff(inside, change, { findBase });
    };
    const programs = [1, 2].map((changes) =>
      defineProgram({
        name: `cut-${changes}`,
        version: "1",
        ...any,
        run: async (context) => {
          const parts = { sandboxes: at.sandboxes, folders: true };
          const bench = await Workbench.open(context, parts, { kind: "folder", path: repository.path });
          const report = await bench.work("apply", {}, (_input, inside) =>
            inside.attempt === 1 ? cutAfter(inside, changes) : applyDiff(inside, change, { findBase }),
          );
          return { report, diff: await bench.diff("diff") };
        },
      }),
    );
    const ids = await Promise.all(programs.map((program) => at.start(program, {})));
    await cut.promise;
    await at.reopen(programs as unknown as Program[]);
    for (const id of ids) {
      const { report, diff } = (await at.engine.result(TENANT, id, AbortSignal.timeout(60_000))) as {
        report: ApplyReport;
        diff: Diff;
      };
      expect(report.files.map(({ path, action }) => [path, action])).toEqual([
        ["docs/ä b.md", "modified"],
        ["new.txt", "created"],
        ["src/add.py", "modified"],
        ["untracked.txt", "deleted"],
      ]);
      expect(diff).toEqual(change);
    }
  });

  it("runs programs with what they are given, and what chance is fixed to", async () => {
    const seen = await withBench(async (bench) =>
      bench.work("run", {}, async (_input, inside) => ({
        given: await inside.run(["sh", "-c", "pwd; printenv WORD PYTHONHASHSEED TZ; cat; echo err >&2; exit 3"], {
          cwd: `${inside.root}/src`,
          env: { WORD: "word" },
          stdin: "from stdin",
        }),
        late: await inside.run(["sh", "-c", "echo first; sleep 600"], { timeoutMs: 1_000 }),
        long: await inside.run(["sh", "-c", "seq 1 20000; echo last"], { maxChars: 10 }),
      })),
    );
    expect(seen.given).toEqual({
      status: "error",
      exitCode: 3,
      stdout: "/workspace/repo/src\nword\n0\nUTC\nfrom stdin",
      stderr: "err\n",
      truncated: false,
      timedOut: false,
    });
    expect(seen.late).toMatchObject({ status: "timeout", timedOut: true, stdout: "first\n" });
    expect(seen.long).toMatchObject({ stdout: "20000\nlast\n".slice(-10), truncated: true });
    const chance = await withBench(
      async (bench) => bench.work("run", {}, (_input, inside) => inside.run(["printenv", "PYTHONHASHSEED"])),
      undefined,
      { template: "python", deterministic: false },
    );
    expect(chance).toMatchObject({ stdout: "", exitCode: 1 });
  });
});
