import { expect, test } from "vitest";
import { useServer } from "../support/flow.ts";

const stage = useServer();

test("the summary counts sessions through close and delete, and lists filter by status and template", async () => {
  const { box } = stage;
  const live = async () => (await box.summary()).sessions.live;
  const a = await box.sessions.create({ template: "python", metadata: { who: "a" } });
  const b = await box.sessions.create({ template: "bash", metadata: { who: "b" } });
  expect(await live()).toBe(2);
  const ready = await box.sessions.list({ status: ["ready"] });
  expect(ready.items.map(({ id }) => id).sort()).toEqual([a.id, b.id].sort());
  expect((await box.sessions.list({ template: "bash" })).items.map(({ id }) => id)).toEqual([b.id]);
  expect((await box.sessions.list({ metadata: { who: "a" } })).items.map(({ id }) => id)).toEqual([a.id]);

  await a.close();
  await a.close();
  expect(await live()).toBe(1);
  expect((await box.sessions.list({ status: ["closed"] })).items.map(({ id }) => id)).toEqual([a.id]);
  await b.delete();
  expect(await live()).toBe(0);
  expect((await stage.http.get(`/v1/sessions/${b.id}`)).status).toBe(404);
});

test("lists come in pages whose cursors join to the whole", async () => {
  const { box } = stage;
  await using session = await box.sessions.create({ template: "bash" });
  for (let i = 0; i < 5; i += 1) await session.run(`echo ${i}`);
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await box.executions.list({ sessionId: session.id, limit: 2, ...(cursor && { cursor }) });
    expect(page.items.length).toBeLessThanOrEqual(2);
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  expect(new Set(ids).size).toBe(5);
  expect([...ids].sort().reverse()).toEqual(ids);
});
