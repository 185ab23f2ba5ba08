import fc from "fast-check";
import { expect, test } from "vitest";
import type { NewEvent, StoredEvent } from "../../packages/glovebox/src/core/index.ts";
import { aStream, lines, OTHER_TENANT } from "./entities.ts";
import { type MakeSubject, ManualClock } from "./subject.ts";

async function collect(events: AsyncIterable<StoredEvent>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of events) seqs.push(seq);
  return seqs;
}

export function eventConformance(make: MakeSubject): void {
  test("events get contiguous seqs from 1, the host's time, and read back unchanged", async () => {
    await using subject = await make();
    const clock = new ManualClock(Date.UTC(2026, 10, 20, 10));
    await using store = await subject.open({ clock });
    const stream = aStream();
    const events: NewEvent[] = [
      { type: "input_echo", payload: { text: "1+1" } },
      { type: "stdout", payload: { text: "é\u2028\u0000\n" } },
      { type: "stderr", payload: { base64: "/w==" } },
      { type: "value", payload: { type: "dict", preview: "{…}", json: { a: [1, null, { b: "c" }] } } },
    ];
    expect(await store.events.append(stream, events)).toEqual({ firstSeq: 1, lastSeq: 4 });
    clock.ms += 1;
    expect(await store.events.append(stream, lines("x"))).toEqual({ firstSeq: 5, lastSeq: 5 });
    const read = await store.events.read(stream);
    expect(read.slice(0, 4)).toEqual(events.map((e, i) => ({ ...e, seq: i + 1, ts: "2026-11-20T10:00:00.000Z" })));
    expect(read[4]?.ts).toBe("2026-11-20T10:00:00.001Z");
  });

  test("any text survives", async () => {
    await using subject = await make();
    await using store = await subject.open();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: "binary" }), { maxLength: 5 }), async (texts) => {
        const stream = aStream();
        await store.events.append(stream, lines(...texts));
        const read = await store.events.read(stream);
        expect(read.map(({ payload }) => payload)).toEqual(lines(...texts).map(({ payload }) => payload));
      }),
      { numRuns: 50 },
    );
  });

  test("`read` gives what is after a seq, up to a limit, and refuses nonsense", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const stream = aStream();
    await store.events.append(stream, lines("1", "2", "3", "4", "5"));
    const seqs = async (options?: Parameters<typeof store.events.read>[1]) =>
      (await store.events.read(stream, options)).map(({ seq }) => seq);
    expect(await seqs({ afterSeq: 3 })).toEqual([4, 5]);
    expect(await seqs({ afterSeq: 1, limit: 2 })).toEqual([2, 3]);
    expect(await seqs({ afterSeq: 5 })).toEqual([]);
    expect(await seqs({ afterSeq: 4_000_000_000 })).toEqual([]);
    expect(await store.events.read(aStream())).toEqual([]);
    for (const bad of [{ afterSeq: -1 }, { afterSeq: 0.5 }, { limit: 0 }, { limit: 10_001 }]) {
      await expect(store.events.read(stream, bad)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    await expect(store.events.append(aStream({ id: "../x" }), lines("x"))).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("streams with the same id but another tenant or kind are other streams", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const stream = aStream();
    await store.events.append(stream, lines("mine"), { mine: true });
    for (const other of [
      { ...stream, tenantId: OTHER_TENANT },
      { ...stream, kind: "session" as const },
    ]) {
      expect(await store.events.read(other)).toEqual([]);
      expect(await store.events.state(other)).toEqual({ state: undefined, lastSeq: 0 });
      expect(await store.events.append(other, lines("theirs"))).toEqual({ firstSeq: 1, lastSeq: 1 });
    }
    expect(await store.events.read(stream)).toHaveLength(1);
  });

  test("the state changes together with the events, stays when none is given, and survives reopening", async () => {
    await using subject = await make();
    const stream = aStream();
    {
      await using store = await subject.open();
      await store.events.append(stream, lines("a"), { stdout: 1 });
      await store.events.append(stream, lines("b"));
      expect(await store.events.state(stream)).toEqual({ state: { stdout: 1 }, lastSeq: 2 });
      // Without events, only the state moves.
      expect(await store.events.append(stream, [], { stdout: 2 })).toEqual({ firstSeq: 3, lastSeq: 2 });
      await expect(store.events.append(stream, lines("c"), "x".repeat(70_000))).rejects.toMatchObject({
        code: "invalid_argument",
      });
    }
    await using store = await subject.open();
    expect(await store.events.state(stream)).toEqual({ state: { stdout: 2 }, lastSeq: 2 });
    expect(await store.events.append(stream, lines("c"))).toEqual({ firstSeq: 3, lastSeq: 3 });
  });

  test("appends made at once keep their order and leave no gap", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const streams = Array.from({ length: 5 }, () => aStream());
    const appended = Array.from({ length: 200 }, (_, i) => {
      const stream = streams[i % 5];
      return stream === undefined ? undefined : store.events.append(stream, lines(`${i}-a`, `${i}-b`));
    });
    await Promise.all(appended);
    for (const [s, stream] of streams.entries()) {
      const read = await store.events.read(stream);
      expect(read.map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
      const expected = Array.from({ length: 40 }, (_, i) => [`${i * 5 + s}-a`, `${i * 5 + s}-b`]).flat();
      expect(read.map(({ payload }) => ("text" in payload ? payload.text : ""))).toEqual(expected);
    }
  });

  test("`follow` gives the past, then each new event, and ends when the stream is closed", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const stream = aStream();
    const early = collect(store.events.follow(stream));
    await store.events.append(stream, lines(...Array.from({ length: 1234 }, (_, i) => String(i))));
    const late = collect(store.events.follow(stream, { afterSeq: 1230 }));
    for (let i = 0; i < 20; i += 1) await store.events.append(stream, lines("more"));
    await store.events.close(stream);
    const all = Array.from({ length: 1254 }, (_, i) => i + 1);
    expect(await early).toEqual(all);
    expect(await late).toEqual(all.slice(1230));
    expect(await collect(store.events.follow(stream, { afterSeq: 1254 }))).toEqual([]);
    await expect(store.events.append(stream, lines("x"))).rejects.toMatchObject({ code: "conflict" });
    await store.events.close(stream);
    expect((await store.events.state(stream)).lastSeq).toBe(1254);
  });

  test("a stream that is closed while empty ends its followers", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const stream = aStream();
    const following = collect(store.events.follow(stream));
    await store.events.close(stream);
    expect(await following).toEqual([]);
  });

  test("a follower that reads slowly misses nothing and holds nobody up", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const stream = aStream();
    const following = store.events.follow(stream)[Symbol.asyncIterator]();
    await store.events.append(stream, lines("1"));
    expect((await following.next()).value).toMatchObject({ seq: 1 });
    for (let i = 0; i < 50; i += 1) await store.events.append(stream, lines("a", "b"));
    await store.events.close(stream);
    for (let seq = 2; seq <= 101; seq += 1) expect((await following.next()).value).toMatchObject({ seq });
    expect((await following.next()).done).toBe(true);
  });

  test("`follow` ends when its signal aborts, when its consumer leaves, and when the store closes", async () => {
    await using subject = await make();
    const stream = aStream();
    let last: Promise<number[]>;
    {
      await using store = await subject.open();
      await store.events.append(stream, lines("a", "b", "c"));
      const abort = new AbortController();
      const aborted = collect(store.events.follow(stream, { signal: abort.signal }));
      setTimeout(() => abort.abort(), 20);
      expect(await aborted).toEqual([1, 2, 3]);
      expect(await collect(store.events.follow(stream, { signal: AbortSignal.abort() }))).toEqual([]);
      for await (const { seq } of store.events.follow(stream)) if (seq === 2) break;
      last = collect(store.events.follow(stream, { afterSeq: 2 }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await last).toEqual([3]);
  });
}
