import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Glovebox } from "@glovebox/sdk";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli } from "../../packages/glovebox/src/cli/testing/cli.ts";
import { startFlow } from "../support/flows.ts";
import { root, startServer } from "../support/server.ts";

const FILES = { "module.py": '"""A module."""\n' };

describe("a flow is taken back with its workspace and with what it wrote in the context store", {
  timeout: 180_000,
}, () => {
  let folder: string;
  let args: readonly string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "glovebox-rollback-"));
    const config = join(folder, "glovebox.yaml");
    await writeFile(config, `flows: {modules: [${join(root, "test/e2e/testdata/remembering-flow.ts")}]}\n`);
    args = ["--config", config];
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const started = (box: Glovebox) =>
    startFlow(box, FILES, { flow: "remembering", input: {}, setup: { snapshots: "after_each_step" } });

  async function asked(box: Glovebox, id: string, question: string): Promise<void> {
    await until(async () => (await box.flows.run(id)).questions[0]?.id === question);
  }

  test("by the command, while it waits and after its end; what a person wrote stays, and is told", async () => {
    await using server = await startServer({ args });
    const box = await Glovebox.connect(server);
    const env = { GLOVEBOX_URL: server.url, GLOVEBOX_TOKEN: server.token };
    const rolledBack = (id: string, ...more: string[]) =>
      cli(["runs", "rollback", id, "--step", "answer:name", ...more], { env });
    await box.context.add([text("notes/people.md", "Mine.\n"), text("notes/last.md", "None yet.\n")]);
    const id = await started(box);
    await asked(box, id, "name");
    const before = await documents(box);
    await box.flows.answer(id, { answer: "alpha" });
    await asked(box, id, "done");
    expect(await documents(box)).toEqual({
      ...before,
      "notes/last.md": "The last module is alpha.\n",
      "notes/alpha.md": "Wrote alpha.\n",
    });
    await box.context.add([text("notes/people.md", "Mine, later.\n")]);
    const { code, stdout, stderr } = await rolledBack(id, "--reason", "another name", "--json");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ id, restored: { context: { documents: 2, kept: 0, conflicts: [] } } });
    await asked(box, id, "name");
    expect(await documents(box)).toEqual({ ...before, "notes/people.md": "Mine, later.\n" });
    expect((await box.flows.run(id)).diff).not.toContain("alpha");
    await box.flows.answer(id, { answer: "beta" });
    await asked(box, id, "done");
    await box.flows.answer(id, { approved: true });
    await box.runs.wait(id);
    const ended = await box.flows.run(id);
    expect(ended.changes.map(({ path }) => path)).toEqual(["beta.py", "first.py"]);
    await box.context.add([text("notes/last.md", "The last module is beta, I say.\n")]);
    const again = await rolledBack(id);
    expect(again.code).toBe(0);
    expect(again.stderr).toBe("kept: global notes/last.md at version 6: somebody else wrote after the run\n");
    await asked(box, id, "name");
    const last = "The last module is beta, I say.\n";
    expect(await documents(box)).toEqual({ ...before, "notes/people.md": "Mine, later.\n", "notes/last.md": last });
    expect(await box.runs.replay(id)).toMatchObject({ identical: true });
    expect(await box.runs.verify(id)).toMatchObject({ ok: true });
  });

  test("a server that is killed when the documents are back, and the journal does not say so yet, finishes it when it comes again", async () => {
    const dataDir = join(folder, "data");
    let id: string;
    let before: Readonly<Record<string, string>>;
    {
      await using server = await startServer({ args, dataDir });
      const box = await Glovebox.connect(server);
      await box.context.add([text("notes/last.md", "None yet.\n")]);
      id = await started(box);
      await asked(box, id, "name");
      before = await documents(box);
      await box.flows.answer(id, { answer: "alpha" });
      await asked(box, id, "done");
      // Whoever writes waits for us: first for the documents, then for the journal.
      const journal = new DatabaseSync(join(dataDir, "glovebox.db"));
      using context = new DatabaseSync(join(dataDir, "context.db"));
      context.exec("BEGIN IMMEDIATE");
      const cut = box.runs.rollback(id, "answer:name").catch(() => "cut");
      await until(
        async () => (await box.runs.get(id)).rollingBack !== undefined && (await liveSessions(box, id)) === 0,
      );
      journal.exec("BEGIN IMMEDIATE");
      context.exec("ROLLBACK");
      const written = () => box.context.list({ filter: "path=notes/alpha.md" });
      await until(async () => (await written()).items.length === 0);
      expect(await box.runs.get(id)).not.toHaveProperty("rollbacks");
      await server.kill();
      journal.exec("ROLLBACK");
      journal.close();
      expect(await cut).toBe("cut");
    }
    await using server = await startServer({ args, dataDir });
    const box = await Glovebox.connect(server);
    await until(async () => (await box.runs.get(id)).rollbacks === 1);
    await asked(box, id, "name");
    expect(await box.runs.get(id)).not.toHaveProperty("rollingBack");
    expect(await documents(box)).toEqual(before);
    const [last] = (await box.context.list({ filter: "path=notes/last.md" })).items;
    const { items } = await box.context.history(last?.id ?? "");
    // A person's, the run's two, and the one that takes the second back: written once.
    expect(items.map(({ version, restores }) => [version, restores])).toEqual([
      [4, 2],
      [3, undefined],
      [2, undefined],
      [1, undefined],
    ]);
    await box.flows.answer(id, { answer: "beta" });
    await asked(box, id, "done");
    await box.flows.answer(id, { approved: true });
    await box.runs.wait(id);
    expect((await box.flows.run(id)).changes.map(({ path }) => path)).toEqual(["beta.py", "first.py"]);
    expect(await box.runs.replay(id)).toMatchObject({ identical: true });
  });
});

const text = (path: string, content: string) => ({ kind: "text", path, content, origin: "a person" }) as const;

/** What the context store has now, by path. */
async function documents(box: Glovebox): Promise<Readonly<Record<string, string>>> {
  const { items } = await box.context.list({ limit: 100 });
  const all = items.map(async ({ id, path = "" }) => [path, (await box.context.get(id)).content] as const);
  return Object.fromEntries(await Promise.all(all));
}

async function liveSessions(box: Glovebox, run: string): Promise<number> {
  const { items } = await box.sessions.list({ status: ["starting", "ready", "closing"], metadata: { run } });
  return items.length;
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await is())) {
    if (performance.now() > deadline) throw new Error("it never was so");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
