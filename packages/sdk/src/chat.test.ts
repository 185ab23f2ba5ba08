import { expect, test } from "vitest";
import { Glovebox } from "./glovebox.ts";
import { failure, hangUp, scriptedServer, sse } from "./testing/scripted-server.ts";
import type { TurnEvent } from "./types/chat.ts";

const input = { assistant: "a", messages: [{ role: "user", text: "Hello" }] } as const;
const frame = (event: Readonly<Record<string, unknown>> & { readonly type: string }) =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const started = frame({ type: "started", runId: "r-1", conversationId: "c-1" });
const text = (words: string) => frame({ type: "text", text: words, attempt: 1 });
const completed = frame({ type: "completed", result: { runId: "r-1", status: "completed", text: "all of it" } });

async function types(events: AsyncIterable<TurnEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const { type } of events) found.push(type);
  return found;
}

test("a turn's result comes once, however often the request has to be sent", async () => {
  await using server = await scriptedServer(hangUp, sse([]), sse([started, completed]), sse([completed]));
  const { chat } = new Glovebox({ url: server.url });
  expect(await chat(input)).toMatchObject({ runId: "r-1", status: "completed" });
  expect(await chat.result("r-1")).toMatchObject({ text: "all of it" });
  expect(server.seen.map(({ method }) => method)).toEqual(["POST", "POST", "POST", "GET"]);
  const keys = server.seen.map(({ headers }) => headers["idempotency-key"]);
  expect(keys[0]).toMatch(/^\w{32}$/);
  expect(keys.slice(1)).toEqual([keys[0], keys[0], undefined]);
});

test("a stream that breaks is taken up again by its run, and ends with the result", async () => {
  await using server = await scriptedServer(
    sse([": beat\n\n", started, text("all")], "break"),
    hangUp,
    sse([started, text(" of")]),
    sse([started, "event: later\ndata: {\n\n", completed]),
  );
  const box = new Glovebox({ url: server.url });
  expect(await types(box.chat.stream(input))).toEqual(["started", "text", "text", "completed"]);
  expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "POST /v1/chat",
    ...Array(3).fill("GET /v1/chat/r-1"),
  ]);
  expect(JSON.parse(server.seen[0]?.body.toString() ?? "")).toEqual({ ...input, stream: true });
});

test("an error of the server ends it, in the answer as in the stream", async () => {
  await using server = await scriptedServer(
    failure(404, "not_found"),
    sse([started, 'event: error\ndata: {"error":{"code":"store_failed","message":"disk"}}\n\n']),
    failure(409, "conflict"),
  );
  const { chat } = new Glovebox({ url: server.url });
  await expect(types(chat.stream(input))).rejects.toMatchObject({ code: "not_found" });
  await expect(types(chat.stream(input))).rejects.toMatchObject({ code: "store_failed" });
  await expect(types(chat.follow("r-1"))).rejects.toMatchObject({ code: "conflict" });
});

test("a stream that never gets further is given up", async () => {
  await using server = await scriptedServer(...Array(20).fill(sse([started])));
  const { chat } = new Glovebox({ url: server.url });
  await expect(types(chat.follow("r-1"))).rejects.toMatchObject({ code: "unavailable" });
  expect(server.seen.length).toBeLessThan(10);
});

test("aborting ends it with the reason", async () => {
  await using server = await scriptedServer((response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(started);
  });
  const stop = new AbortController();
  const reading = async () => {
    for await (const _ of new Glovebox({ url: server.url }).chat.stream(input, { signal: stop.signal })) {
      stop.abort(new Error("enough"));
    }
  };
  await expect(reading()).rejects.toThrow("enough");
});
