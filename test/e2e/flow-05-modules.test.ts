import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

test("a JavaScript built-in cannot be added as a module, yet is always there", async () => {
  const { box, http } = stage;
  const answer = await http.post("/v1/templates", { name: "with-json", isolation: "isolate", modules: ["json"] });
  expect(answer.status).toBe(422);
  expect(answer.body).toMatchObject({ error: { code: "module_not_allowed" } });
  await using session = await box.sessions.create({ template: "js-isolate" });
  expect((await session.run("JSON.stringify({ a: 1 })")).value?.json).toBe('{"a":1}');
});

test("require('fs') fails unless configured; configured it is confined to the sandbox", async () => {
  const { box } = stage;
  {
    await using bare = await box.sessions.create({ template: "js-isolate" });
    const result = await bare.run("require('fs').readFileSync('x')");
    expect(result.execution.status).toBe("error");
  }
  await box.templates.create({ name: "with-fs", isolation: "isolate", modules: ["fs"] });
  await using session = await box.sessions.create({ template: "with-fs" });
  const code = "const fs = require('fs'); fs.writeFileSync('a.txt', 'hello'); fs.readFileSync('a.txt', 'utf8')";
  expect((await session.run(code)).value?.json).toBe("hello");
  expect(await session.files.readText("a.txt")).toBe("hello");
  const outside = await session.run("require('fs').readFileSync('/etc/shadow', 'utf8')");
  expect(outside.execution.status).toBe("error");
  const passwd = await session.run("require('fs').readFileSync('/etc/passwd', 'utf8')");
  expect(JSON.stringify(passwd.events)).not.toContain("root:x:0:0:root:/root");
});

test("a library is offered when it is configured, and only then", async () => {
  const { box } = stage;
  {
    await using bare = await box.sessions.create({ template: "js-isolate" });
    const result = await bare.run("_.chunk([1, 2, 3], 2)");
    expect(result.exception).toMatchObject({ name: "ReferenceError" });
    expect(result.exception?.message).toMatch(/^_ is not defined$/);
  }
  await box.templates.create({ name: "with-lodash", isolation: "isolate", libraries: ["lodash"] });
  await using session = await box.sessions.create({ template: "with-lodash" });
  expect((await session.run("_.chunk([1, 2, 3], 2)")).value?.json).toEqual([[1, 2], [3]]);
});
