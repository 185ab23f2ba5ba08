import { expect, test } from "vitest";
import { eventTypes, useServer } from "../support/flow.ts";

const stage = useServer();

for (const template of ["node", "js-isolate"]) {
  test(`${template}: console and value come as contiguous events, a tail can be read, errors leave the session usable`, async () => {
    await using session = await stage.box.sessions.create({ template });
    const result = await session.run('console.log("x"); 20+22');
    expect(result.events.map(({ seq, type }) => [seq, type])).toEqual([
      [1, "input_echo"],
      [2, "console"],
      [3, "value"],
    ]);
    expect(result.value?.json).toBe(42);
    for (let after = 0; after <= 3; after += 1) {
      const tail = await stage.box.executions.events(result.execution.id, { afterSeq: after });
      expect(tail.items.map(({ seq }) => seq)).toEqual([1, 2, 3].slice(after));
    }

    const thrown = await session.run('function f() { throw new TypeError("bad") }\nf()');
    expect(thrown.execution.status).toBe("error");
    expect(thrown.exception).toMatchObject({ name: "TypeError", message: "bad" });
    expect(thrown.exception?.stack).toContain("f");
    expect(eventTypes(thrown).at(-1)).toBe("exception");

    const syntax = await session.run("let = = 3");
    expect(syntax.exception?.name).toBe("SyntaxError");
    expect((await session.run("1 + 1")).value?.json).toBe(2);
  });
}

test("events stream live over SSE, and a broken stream resumes from Last-Event-ID without loss or repetition", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const execution = await session.start({
    kind: "repl",
    input: "import time\nfor i in range(8):\n    print(i, flush=True)\n    time.sleep(0.03)",
  });
  const seen: number[] = [];
  for await (const event of execution.follow()) {
    seen.push(event.seq);
    if (seen.length === 3) break;
  }
  for await (const event of execution.follow({ afterSeq: seen.at(-1) })) seen.push(event.seq);
  const all = await execution.events({ limit: 1000 });
  expect(seen).toEqual(all.items.map(({ seq }) => seq));

  const response = await fetch(`${stage.server.url}/v1/executions/${execution.id}/events`, {
    headers: { authorization: `Bearer ${stage.server.token}`, accept: "text/event-stream", "last-event-id": "2" },
  });
  const text = await response.text();
  const ids = [...text.matchAll(/^id: ?(\d+)$/gm)].map(([, id]) => Number(id));
  expect(ids.slice(0, all.items.length - 2)).toEqual(all.items.slice(2).map(({ seq }) => seq));
});

test("python: the last expression is the value, exceptions carry line and stack, syntax errors too", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const result = await session.run("x = [1, 2]\nprint('hello')\nx * 2");
  // What is printed may come in one piece or in several.
  expect(eventTypes(result).join(" ")).toMatch(/^input_echo( stdout)+ value$/);
  expect(result.stdout).toBe("hello\n");
  expect(result.value).toMatchObject({ type: "list", json: [1, 2, 1, 2] });
  const thrown = await session.run("def f():\n    return 1 / 0\nf()");
  expect(thrown.exception).toMatchObject({ name: "ZeroDivisionError", line: 2 });
  expect((await session.run("def f(:\n  pass")).exception?.name).toBe("SyntaxError");
  expect((await session.run("x")).value?.json).toEqual([1, 2]);
});

test("an execution ends in exactly one value or exception", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  for (const code of ["1", "x = 1", "None", "raise SystemExit(3)", "1/0", "print('a')", "'"]) {
    const types = eventTypes(await session.run(code));
    expect(types.filter((type) => type === "value" || type === "exception")).toHaveLength(1);
  }
});
