import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glovebox } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { startServer } from "../support/server.ts";

test("kill -9 of the server while executions run: they go on, nothing acknowledged is missing, live sessions answer", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "glovebox-e2e-"));
  try {
    const first = await startServer({ dataDir });
    const box = await Glovebox.connect({ url: first.url, token: first.token });
    const token = (await box.tokens.create({ name: "lasting", roles: ["admin"] })).secret;
    const python = await box.sessions.create({ template: "python" });
    await python.run("kept = 'before'");
    const isolate = await box.sessions.create({ template: "js-isolate" });
    const done = await python.run("print('acknowledged')");
    const counter = "import time\nfor i in range(60):\n    print('line', i, flush=True)\n    time.sleep(0.05)\nkept";
    const running = await python.start({ kind: "repl", input: counter });
    const background = await python.spawn([
      "sh",
      "-c",
      "for i in $(seq 1 3000); do echo background $i; done; sleep 3; exit 5",
    ]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await first.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));

    await using second = await startServer({ dataDir });
    const again = await Glovebox.connect({ url: second.url, token });
    expect((await again.executions.events(done.execution.id)).items).toEqual(done.events);
    const finished = await again.executions.wait(running.id);
    expect(finished).toMatchObject({ status: "ok", result: { json: "before" } });
    const { items } = await again.executions.events(running.id, { limit: 1000 });
    const text = items
      .map((event) => (event.type === "stdout" ? (event.payload as { text: string }).text : ""))
      .join("");
    expect(text).toBe(Array.from({ length: 60 }, (_, i) => `line ${i}\n`).join(""));
    expect(items.map(({ seq }) => seq)).toEqual(items.map((_, index) => index + 1));

    expect(await again.executions.wait(background.id)).toMatchObject({ status: "error", exitCode: 5 });
    const lines = (await again.executions.events(background.id, { limit: 10_000 })).items
      .map((event) => (event.type === "stdout" ? (event.payload as { text: string }).text : ""))
      .join("");
    expect(lines).toBe(Array.from({ length: 3000 }, (_, i) => `background ${i + 1}\n`).join(""));

    const session = await again.sessions.get(python.id);
    expect((await session.run("kept")).value?.json).toBe("before");
    expect((await again.sessions.info(isolate.id)).status).toBe("closed");
    expect((await again.sessions.info(isolate.id)).restartReason).toMatch(/\w/);
    expect((await again.executions.list({ status: ["running", "queued"] })).items).toEqual([]);
    await session.close();
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
});
