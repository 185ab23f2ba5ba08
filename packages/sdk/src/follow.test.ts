import fc from "fast-check";
import { expect, test } from "vitest";
import { Glovebox } from "./glovebox.ts";
import { endFrame, failure, frame, hangUp, json, scriptedServer, sse } from "./testing/scripted-server.ts";

async function seqs(url: string, options: { afterSeq?: number } = {}): Promise<number[]> {
  const found: number[] = [];
  for await (const { seq } of new Glovebox({ url }).executions.follow("e-1", options)) found.push(seq);
  return found;
}

test("events come until the stream says that it ends", async () => {
  await using server = await scriptedServer(sse([": beat\n\n", frame(1), frame(2), endFrame]));
  expect(await seqs(server.url)).toEqual([1, 2]);
  expect(server.seen).toHaveLength(1);
});

test("a stream that breaks is taken up after the last event, and what comes twice is given once", async () => {
  await using server = await scriptedServer(
    sse([frame(1), frame(2), frame(3).slice(0, 20)], "break"),
    sse([frame(2), frame(3)], "break"),
    hangUp,
    sse([frame(4), endFrame]),
  );
  expect(await seqs(server.url)).toEqual([1, 2, 3, 4]);
  expect(server.seen.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "2", "3", "3"]);
});

test("a stream that is closed without saying so is over only when the page says it", async () => {
  const event = JSON.parse(frame(2).split("data: ")[1] as string);
  await using server = await scriptedServer(
    sse([frame(1)]),
    json(200, { items: [event], nextAfterSeq: 2, done: false }),
    sse([]),
    json(200, { items: [], nextAfterSeq: 2, done: true }),
  );
  expect(await seqs(server.url)).toEqual([1, 2]);
});

test("an error of the server ends it, in the answer as in the stream", async () => {
  await using server = await scriptedServer(
    failure(404, "not_found"),
    sse([frame(1), 'event: error\ndata: {"error":{"code":"store_failed","message":"disk","requestId":"r"}}\n\n']),
  );
  await expect(seqs(server.url)).rejects.toMatchObject({ code: "not_found" });
  await expect(seqs(server.url)).rejects.toMatchObject({ code: "store_failed", message: "disk", requestId: "r" });
});

test("leaving the loop closes the connection, and aborting ends it with the reason", async () => {
  let closed = 0;
  const open = (response: import("node:http").ServerResponse) => {
    response.on("close", () => {
      closed += 1;
    });
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(frame(1));
  };
  await using server = await scriptedServer(open, open);
  const box = new Glovebox({ url: server.url });
  for await (const _ of box.executions.follow("e-1")) break;
  await expect.poll(() => closed).toBe(1);
  const controller = new AbortController();
  const reason = new Error("enough");
  const loop = (async () => {
    for await (const _ of box.executions.follow("e-1", { signal: controller.signal })) controller.abort(reason);
  })();
  await expect(loop).rejects.toBe(reason);
  await expect.poll(() => closed).toBe(2);
});

test("leaving `stream` early cancels the execution", async () => {
  const open = (response: import("node:http").ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(frame(1));
  };
  await using server = await scriptedServer(
    json(200, { id: "s-1", languages: ["python"] }),
    json(202, { execution: { id: "e-1" } }),
    open,
    json(200, { id: "e-1", status: "cancelled" }),
  );
  const session = await new Glovebox({ url: server.url }).sessions.get("s-1");
  for await (const _ of session.stream("while True: pass")) break;
  expect(server.seen.at(-1)).toMatchObject({ method: "POST", url: "/v1/executions/e-1/cancel" });
});

test("however a stream is cut, each event comes once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
      async (total, cuts) => {
        let sent = 0;
        const answers = cuts.map((count) => {
          const frames = Array.from({ length: Math.min(count, total - sent) }, (_, at) => frame(sent + at + 1));
          sent += frames.length;
          return sse(frames, "break");
        });
        const rest = Array.from({ length: total - sent }, (_, at) => frame(sent + at + 1));
        await using server = await scriptedServer(...answers, sse([...rest, endFrame]));
        expect(await seqs(server.url)).toEqual(Array.from({ length: total }, (_, at) => at + 1));
      },
    ),
    { numRuns: 12 },
  );
});
