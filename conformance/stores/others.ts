import { expect, test } from "vitest";
import { aToken, OTHER_TENANT, TENANT } from "./entities.ts";
import { DAY_MS, type MakeSubject, ManualClock } from "./subject.ts";

async function bytes(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

export function tokenConformance(make: MakeSubject): void {
  test("a token is found by its secret's hash only, listed by its tenant, touched and deleted", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const [token, second, foreign] = [aToken(), aToken(), aToken({ tenantId: OTHER_TENANT })];
    await store.tokens.create(token, "h1");
    await store.tokens.create(second, "h2");
    await store.tokens.create(foreign, "h3");
    await expect(store.tokens.create(aToken(), "h1")).rejects.toMatchObject({ code: "already_exists" });
    expect(await store.tokens.findByHash("h1")).toEqual(token);
    expect(await store.tokens.findByHash("h")).toBeUndefined();
    const page = await store.tokens.list(TENANT, { limit: 1 });
    expect(page.items).toEqual([second]);
    const rest = await store.tokens.list(TENANT, { limit: 1, cursor: page.nextCursor ?? "" });
    expect(rest).toEqual({ items: [token] });
    await store.tokens.touch(token.id, "2026-11-20T10:00:00.000Z");
    expect(await store.tokens.findByHash("h1")).toEqual({ ...token, lastUsedAt: "2026-11-20T10:00:00.000Z" });
    expect(await store.tokens.delete(OTHER_TENANT, token.id)).toBe(false);
    expect(await store.tokens.delete(TENANT, token.id)).toBe(true);
    expect(await store.tokens.findByHash("h1")).toBeUndefined();
  });
}

export function idempotencyConformance(make: MakeSubject): void {
  test("a key is claimed once, settled, remembered for 24 hours, and belongs to tenant and operation", async () => {
    await using subject = await make();
    const clock = new ManualClock(Date.UTC(2026, 10, 20));
    await using store = await subject.open({ clock });
    const claim = (hash: string, operation = "create") => store.idempotency.claim(TENANT, operation, "k", hash);
    const claims = await Promise.all([claim("h"), claim("h"), claim("h2")]);
    expect(claims.map(({ state }) => state).sort()).toEqual(["claimed", "conflict", "pending"]);
    expect((await claim("h", "other")).state).toBe("claimed");
    expect((await store.idempotency.claim(OTHER_TENANT, "create", "k", "x")).state).toBe("claimed");
    await store.idempotency.settle(TENANT, "create", "k", "id-1");
    expect(await claim("h")).toEqual({ state: "settled", entityId: "id-1" });
    expect((await claim("h2")).state).toBe("conflict");
    await store.idempotency.release(TENANT, "create", "k");
    expect((await claim("h")).state).toBe("settled");
    clock.ms += DAY_MS;
    expect((await claim("h2")).state).toBe("claimed");
    await store.idempotency.release(TENANT, "create", "k");
    expect((await claim("h3")).state).toBe("claimed");
  });

  test("a key whose request died with the server is free after the restart, a settled one is not", async () => {
    await using subject = await make();
    {
      await using store = await subject.open();
      await store.idempotency.claim(TENANT, "create", "died", "h");
      await store.idempotency.claim(TENANT, "create", "done", "h");
      await store.idempotency.settle(TENANT, "create", "done", "id-1");
    }
    await using store = await subject.open();
    expect((await store.idempotency.claim(TENANT, "create", "died", "h")).state).toBe("claimed");
    expect((await store.idempotency.claim(TENANT, "create", "done", "h")).state).toBe("settled");
  });
}

export function settingsConformance(make: MakeSubject): void {
  test("a setting is any JSON, replaced and removed", async () => {
    await using subject = await make();
    await using store = await subject.open();
    expect(await store.settings.get("a")).toBeUndefined();
    for (const value of [{ deep: [1, "é", null] }, null, 0, "x", false]) {
      await store.settings.set("a", value);
      expect(await store.settings.get("a")).toEqual(value);
    }
    await store.settings.set("a", undefined);
    expect(await store.settings.get("a")).toBeUndefined();
  });
}

export function blobConformance(make: MakeSubject): void {
  test("a blob is stored under its hash, whole or in pieces, and streams back", async () => {
    await using subject = await make();
    await using store = await subject.open();
    const data = Buffer.alloc(3_000_001, "glovebox");
    const whole = await store.blobs.put(data);
    const pieces = await store.blobs.put(
      (async function* () {
        for (let at = 0; at < data.length; at += 100_000) yield data.subarray(at, at + 100_000);
      })(),
    );
    expect(pieces).toEqual(whole);
    expect(whole.size).toBe(data.length);
    expect(await store.blobs.has(whole.hash)).toBe(true);
    expect((await bytes(store.blobs.get(whole.hash))).equals(data)).toBe(true);
    const empty = await store.blobs.put(new Uint8Array());
    expect(empty.hash).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(await bytes(store.blobs.get(empty.hash))).toHaveLength(0);
    await store.blobs.delete(whole.hash);
    await store.blobs.delete(whole.hash);
    expect(await store.blobs.has(whole.hash)).toBe(false);
    await expect(bytes(store.blobs.get(whole.hash))).rejects.toMatchObject({ code: "not_found" });
  });

  test("a name that is no hash is refused, and a source that fails leaves nothing", async () => {
    await using subject = await make();
    await using store = await subject.open();
    for (const bad of ["", "../../etc/passwd", "A".repeat(64), "a".repeat(63)]) {
      await expect(bytes(store.blobs.get(bad))).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(store.blobs.has(bad)).rejects.toMatchObject({ code: "invalid_argument" });
      await expect(store.blobs.delete(bad)).rejects.toMatchObject({ code: "invalid_argument" });
    }
    const failing = (async function* () {
      yield Buffer.from("half");
      throw new Error("the sender went away");
    })();
    await expect(store.blobs.put(failing)).rejects.toMatchObject({ code: "store_failed" });
  });
}
