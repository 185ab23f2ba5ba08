import { expect, it } from "vitest";
import { TENANT } from "../../sessions/testing/stage.ts";
import { openChatStage, until } from "../testing/chat-stage.ts";
import { DEMO } from "./demo.ts";

it("answers with code that runs, remembers, and asks before it does harm", { timeout: 60_000 }, async () => {
  await using at = await openChatStage();
  const demo = at.assistant({ model: DEMO.model, execution: DEMO.execution });
  const first = await at.ask(demo, "Compute a factorial and run it");
  expect(first.executions).toMatchObject([{ stdout: "3628800\n" }]);
  const more = { conversationId: first.conversationId };
  expect((await at.ask(demo, "again", more)).executions).toMatchObject([{ stdout: "7257600\n" }]);
  expect((await at.ask(demo, "primes", more)).executions).toMatchObject([{ status: "ok" }]);
  expect((await at.ask(demo, "keep a file", more)).executions).toMatchObject([{ status: "ok" }]);
  expect(await at.ask(demo, "hello", more)).toMatchObject({ status: "completed", blocks: [] });
  const runId = await at.start(demo, "delete everything", more);
  const pending = async () => (await at.chat.approvals.list(TENANT, { status: "pending" })).items;
  await until(
    async () => (await pending()).length === 1 || (await at.engine.get(TENANT, runId)).status === "completed",
  );
  for (const { id } of await pending()) await at.chat.approvals.decide(TENANT, id, { decision: "refuse", by: "ann" });
  const [block] = (await at.result(runId)).blocks;
  expect(["refused", "blocked"]).toContain(block?.decision);
});
