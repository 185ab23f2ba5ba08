import fc from "fast-check";
import { expect, test } from "vitest";
import { type SseMessage, SseParser, sseMessages } from "./sse.ts";

function parse(pieces: readonly string[]): SseMessage[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

test("data lines of one message are joined, and a message is given when its empty line comes", () => {
  expect(parse(["data: a\ndata:b\n\ndata: not closed\n"])).toEqual([{ id: "", event: "message", data: "a\nb" }]);
});

test("names, ids and retries are kept as the standard has it", () => {
  const parser = new SseParser();
  const messages = parser.push("retry: 250\nid: 7\nevent: end\ndata: {}\n\ndata: x\n\n");
  expect(messages).toEqual([
    { id: "7", event: "end", data: "{}" },
    { id: "7", event: "message", data: "x" },
  ]);
  expect(parser.retryMs).toBe(250);
});

test("comments, unknown fields, a byte order mark and messages without data give nothing", () => {
  expect(parse(["\ufeff: beat\n\nfoo: bar\n\nevent: x\n\nid: a\0b\ndata\n\n"])).toEqual([
    { id: "", event: "message", data: "" },
  ]);
});

const text = fc.string({ unit: "grapheme", maxLength: 30 }).map((value) => value.replace(/[\r\n\0\ufeff]/g, ""));
const message = fc.record({
  id: text,
  event: text.filter((value) => value !== "" && value !== "message"),
  data: fc.array(text, { minLength: 1, maxLength: 4 }),
});

test("whatever the pieces and the line ends, the same messages come out", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.infiniteStream(fc.constantFrom("\n", "\r", "\r\n")),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (messages, ends, sizes) => {
        const end = () => ends.next().value as string;
        let stream = "";
        for (const { id, event, data } of messages) {
          stream += `id: ${id}${end()}event: ${event}${end()}${data.map((line) => `data: ${line}${end()}`).join("")}`;
          // A lone CR before an LF would be one line end, so the closing one is of a kind that cannot join the one before.
          stream += stream.endsWith("\r") ? "\r" : "\n";
        }
        const pieces: string[] = [];
        for (let at = 0; at < stream.length; ) {
          const size = sizes.next().value as number;
          pieces.push(stream.slice(at, at + size));
          at += size;
        }
        expect(parse(pieces)).toEqual(messages.map((item) => ({ ...item, data: item.data.join("\n") })));
      },
    ),
    { numRuns: 300 },
  );
});

test("arbitrary text never throws and never gives a message with a line end in its name", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary" })), (pieces) => {
      for (const { event, id } of parse(pieces)) expect(/[\r\n]/.test(event + id)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("characters that are split over chunks of bytes come out whole, and leaving early frees the stream", async () => {
  const bytes = new TextEncoder().encode("data: grüße 🧤\n\ndata: 2\n\n");
  let cancelled = false;
  let at = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, ++at));
      else controller.close();
    },
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const { data } of sseMessages(body)) {
    expect(data).toBe("grüße 🧤");
    break;
  }
  expect(cancelled).toBe(true);
});

test("an event without end is refused before it fills the memory", () => {
  const parser = new SseParser();
  const megabyte = "x".repeat(1_048_576);
  parser.push("data: ");
  expect(() => {
    for (let count = 0; count < 40; count += 1) parser.push(megabyte);
  }).toThrow("larger than 32 MiB");
});
