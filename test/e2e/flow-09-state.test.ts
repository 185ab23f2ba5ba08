import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

test("turn 1 writes a file and sets a variable; turn 2 sees both", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  await session.run("open('note.txt', 'w').write('hi'); seen = 1");
  expect((await session.run("(open('note.txt').read(), seen)")).value?.json).toEqual(["hi", 1]);
});

test("bash keeps variables, functions and the folder", async () => {
  await using session = await stage.box.sessions.create({ template: "bash" });
  await session.run("mkdir -p deep && cd deep && v=1 && f() { echo f$v; }");
  expect((await session.run("f; basename $PWD")).stdout).toBe("f1\ndeep\n");
});

test("ten quick executions in a row keep their order and their state", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  await session.run("n = 0");
  for (let i = 1; i <= 10; i += 1) expect((await session.run("n += 1\nn")).value?.json).toBe(i);
});

test("a second caller is refused or waits its turn, as it chose", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const slow = await session.start({ kind: "repl", input: "import time; time.sleep(0.7); 'slow'" });
  const refused = await stage.http.post(`/v1/sessions/${session.id}/executions`, {
    kind: "repl",
    input: "1",
    language: "python",
  });
  expect(refused).toMatchObject({ status: 409, body: { error: { code: "session_busy" } } });
  const queued = await Promise.all([1, 2, 3].map((n) => session.run(`${n}`, { onBusy: "queue" })));
  expect(queued.map(({ value }) => value?.json)).toEqual([1, 2, 3]);
  expect((await slow.wait()).value?.json).toBe("slow");
});

test("three sessions at once cannot see each other's files, processes or network", async () => {
  const { box } = stage;
  await using a = await box.sessions.create({ template: "python" });
  await using b = await box.sessions.create({ template: "python" });
  await using c = await box.sessions.create({ template: "python" });
  await Promise.all([a, b, c].map((session, index) => session.files.write(`only-${index}.txt`, "x")));
  await a.run("import socket\nserver = socket.socket()\nserver.bind(('127.0.0.1', 45671))\nserver.listen()");
  const look = `import os, socket
def reach():
    try:
        socket.create_connection(('127.0.0.1', 45671), 1)
        return True
    except OSError:
        return False
(sorted(os.listdir('.')), len([p for p in os.listdir('/proc') if p.isdigit()]), reach())`;
  const seen = await Promise.all([b, c].map((session) => session.run(look)));
  for (const [index, { value }] of seen.entries()) {
    const [files, processes, reached] = (value?.json ?? []) as [string[], number, boolean];
    expect(files).toEqual([`only-${index + 1}.txt`]);
    expect(processes).toBeLessThan(6);
    expect(reached).toBe(false);
  }
});

test("the same idempotency key gives the first execution; with another body it is a conflict", async () => {
  await using session = await stage.box.sessions.create({ template: "python" });
  const first = await session.run("import random; random.random()", { idempotencyKey: "k1" });
  const again = await session.run("import random; random.random()", { idempotencyKey: "k1" });
  expect(again.execution.id).toBe(first.execution.id);
  const path = `/v1/sessions/${session.id}/executions`;
  const body = { kind: "repl", language: "python", input: "2" };
  expect((await stage.http.request("POST", path, body, { "idempotency-key": "k1" })).status).toBe(409);
});

test("a session's key is unique among open ones, and reuse gives the open one", async () => {
  const { box, http } = stage;
  await using first = await box.sessions.create({ template: "bash", key: "one" });
  expect((await http.post("/v1/sessions", { template: "bash", key: "one" })).status).toBe(409);
  const again = await http.post<{ id: string }>("/v1/sessions", { template: "bash", key: "one", reuse: true });
  expect(again).toMatchObject({ status: 200, body: { id: first.id } });
});
