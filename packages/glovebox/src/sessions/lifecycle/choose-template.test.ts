import { expect, test } from "vitest";
import { openStage, TENANT } from "../testing/stage.ts";

test("without a template a session has all that its isolation has, or what it asks for, and runs it", async () => {
  await using stage = await openStage();
  const make = async (input: Parameters<typeof stage.services.sessions.create>[1]) =>
    (await stage.services.sessions.create(TENANT, input)).session;
  const all = await make({ isolation: "bubblewrap" });
  expect(all.languages).toEqual(expect.arrayContaining(["python", "javascript", "typescript", "bash"]));
  for (const [language, input] of [
    ["python", "1 + 1"],
    ["javascript", "1 + 1"],
    ["typescript", "const x: number = 2; x"],
  ] as const) {
    expect((await stage.run(all.id, { kind: "repl", language, input })).execution.result?.json).toBe(2);
  }
  const some = await make({ languages: ["bash"] });
  expect([some.isolation, some.languages]).toEqual(["bubblewrap", ["bash"]]);
  expect(await stage.services.templates.get(TENANT, some.templateId)).toMatchObject({ name: "bash" });
  const engine = await make({ isolation: "isolate" });
  expect(engine.languages).toEqual(["javascript", "typescript"]);
  expect((await stage.run(engine.id, { kind: "repl", input: "1 + 1" })).execution.result?.json).toBe(2);
});
