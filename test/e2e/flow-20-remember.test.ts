import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { startServer } from "../support/server.ts";

const DEFINITION = `name: remembering
repository: false
input: {about: string}
steps:
  - {id: ready, approve: "Write about \${{ input.about }}?"}
  - {id: note, remember: "Of \${{ input.about }}: keep the kettle warm.", path: "notes/\${{ input.about }}.md", metadata: {topic: "\${{ input.about }}"}}
  - {id: done, ask: "Was \${{ steps.note.output.state }} in version \${{ steps.note.output.version }}. All right?"}
`;

test("a flow in YAML remembers what a search finds, once whatever is killed or replayed, until the run is rolled back", {
  timeout: 180_000,
}, async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-remember-"));
  try {
    let id: string;
    {
      await using server = await startServer({ dataDir });
      const box = await Glovebox.connect(server);
      await box.context.add([{ kind: "text", path: "notes/tea.md", content: "Mine.\n", origin: "a person" }]);
      ({ id } = (await box.flows.start({ definition: DEFINITION, input: { about: "tea" } })).run);
      await asked(box, id, "ready");
      // Whoever writes waits for us: first for the document, then for the journal.
      const journal = new DatabaseSync(join(dataDir, "glovebox.db"));
      using context = new DatabaseSync(join(dataDir, "context.db"));
      context.exec("BEGIN IMMEDIATE");
      await box.flows.answer(id, { approved: true });
      await until(() => hasBegun(box, id, "remember note"));
      journal.exec("BEGIN IMMEDIATE");
      context.exec("ROLLBACK");
      await until(async () => (await versions(box)).length === 2);
      await server.kill();
      journal.exec("ROLLBACK");
      journal.close();
    }
    await using server = await startServer({ dataDir });
    const box = await Glovebox.connect(server);
    // The step was done again, and found what it had written.
    expect(await asked(box, id, "done")).toBe("Was unchanged in version 2. All right?");
    const { hits } = await box.context.search({ query: "warm kettle", filter: "topic=tea" });
    expect(hits).toMatchObject([{ path: "notes/tea.md", version: 2, chunk: "Of tea: keep the kettle warm." }]);
    await box.flows.answer(id, { answer: "yes" });
    await box.runs.wait(id);
    expect(await box.runs.replay(id)).toMatchObject({ identical: true });
    expect(await versions(box)).toMatchObject([{ version: 2, runId: id }, { version: 1 }]);
    await box.runs.rollback(id, "answer:ready");
    await asked(box, id, "ready");
    expect(await versions(box)).toMatchObject([{ version: 3, restores: 1, runId: id }, { runId: id }, { version: 1 }]);
    expect((await box.context.search({ query: "warm kettle" })).hits.map(({ chunk }) => chunk)).not.toContain(
      "Of tea: keep the kettle warm.",
    );
    await box.runs.cancel(id);
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});

/** The question's text, once it is asked. */
async function asked(box: Glovebox, id: string, question: string): Promise<string | undefined> {
  await until(async () => (await box.flows.run(id)).questions[0]?.id === question);
  return (await box.flows.run(id)).questions[0]?.text;
}

async function hasBegun(box: Glovebox, id: string, step: string): Promise<boolean> {
  const { items } = await box.runs.journal(id, { limit: 1_000 });
  return items.some((record) => record.type === "step.started" && record.step === step);
}

/** Newest first. */
async function versions(box: Glovebox) {
  const { items } = await box.context.list({ filter: "path=notes/tea.md" });
  return (await box.context.history(items[0]?.id ?? "")).items;
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await is())) {
    if (performance.now() > deadline) throw new Error("it never was so");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
