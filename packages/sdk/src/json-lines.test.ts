import { expect, test } from "vitest";
import { jsonLines } from "./json-lines.ts";

function answer(...pieces: readonly (string | Uint8Array)[]): { response: Response; cancelled: () => boolean } {
  let cancelled = false;
  const rest = pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece));
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = rest.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(next);
    },
    cancel() {
      cancelled = true;
    },
  });
  return { response: new Response(body), cancelled: () => cancelled };
}

async function collect(response: Response): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(response)) values.push(value);
  return values;
}

test("values come one a line, wherever the pieces are cut", async () => {
  const text = '{"a":"é😀"}\n[1]\n"x"\n';
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at <= bytes.length; at += 1) {
    expect(await collect(answer(bytes.slice(0, at), bytes.slice(at)).response)).toEqual([{ a: "é😀" }, [1], "x"]);
  }
  expect(await collect(answer().response)).toEqual([]);
  expect(await collect(new Response(null))).toEqual([]);
});

test("an answer that breaks off, is no JSON, or has a line without end is `unavailable`", async () => {
  for (const pieces of [['{"a":1}\n{"b"'], ["{}"], ["no\n"], ["x".repeat(1_100_000)]]) {
    await expect(collect(answer(...pieces).response)).rejects.toMatchObject({ code: "unavailable" });
  }
});

test("who stops reading lets the answer go", async () => {
  const { response, cancelled } = answer("1\n", "2\n", "3\n");
  for await (const _ of jsonLines(response)) break;
  expect(cancelled()).toBe(true);
});
