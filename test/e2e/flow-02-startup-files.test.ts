import { isGloveboxError } from "@glovebox/sdk";
import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

for (const isolation of ["bubblewrap", "isolate"] as const) {
  test(`${isolation}: startup files run in order and their globals are there for repl and run_file`, async () => {
    const { box } = stage;
    await box.templates.create({
      name: `seeded-${isolation}`,
      isolation,
      languages: ["javascript"],
      startupFiles: [
        { path: "second.js", order: 20, mode: "eval", content: "globalThis.SEED = BASE * 4" },
        { path: "first.js", order: 10, mode: "eval", content: "globalThis.BASE = 10" },
      ],
    });
    await using session = await box.sessions.create({ template: `seeded-${isolation}`, env: { FROM_SESSION: "s" } });
    expect(session.info.status).toBe("ready");
    expect((await session.run("SEED + 2")).value?.json).toBe(42);

    const code = `console.log(JSON.stringify([SEED, process.argv.slice(2), process.env.FROM_SESSION, process.env.FROM_CALL]))`;
    await session.files.write("show.js", code);
    const shown = await session.runFile("show.js", { args: ["a", "b c"], env: { FROM_CALL: "c" } });
    const console_ = shown.events.find((event) => event.type === "console");
    const { text } = (console_?.payload ?? { text: "null" }) as { text: string };
    expect(JSON.parse(text)).toEqual([40, ["a", "b c"], "s", "c"]);

    const startup = await box.executions.list({ sessionId: session.id, kind: ["startup"] });
    expect(startup.items.map(({ path, status }) => [path, status])).toEqual([
      ["second.js", "ok"],
      ["first.js", "ok"],
    ]);
  });
}

test("a startup file that throws makes the session crashed, with the error, and creation fails", async () => {
  const { box } = stage;
  await box.templates.create({
    name: "broken-start",
    isolation: "bubblewrap",
    languages: ["python"],
    startupFiles: [{ path: "boom.py", order: 1, content: "raise ValueError('no luck')" }],
  });
  const failure = await box.sessions.create({ template: "broken-start" }).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(isGloveboxError(failure, "startup_failed")).toBe(true);
  const { items } = await box.sessions.list({ template: "broken-start" });
  expect(items[0]).toMatchObject({ status: "crashed", lastError: { code: "startup_failed" } });
  expect(items[0]?.lastError?.message).toContain("no luck");
});
