import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Clock, type Principal, silentLogger, systemClock } from "../core/index.ts";
import { openSqliteStore, type Store } from "../store/index.ts";
import { createAddressList, createRoleAuthorizer, createTokenBucket, createTokenService } from "./index.ts";

let dataDir: string;
let store: Store;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "glovebox-governance-"));
  store = await openSqliteStore({ dataDir });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await rm(dataDir, { recursive: true, force: true });
});

/** A clock that the test moves. */
function movableClock(): Clock & { forward(ms: number): void } {
  let offset = 0;
  return {
    nowMs: () => systemClock.nowMs() + offset,
    monotonicMs: () => systemClock.monotonicMs() + offset,
    forward: (ms) => {
      offset += ms;
    },
  };
}

const service = (clock: Clock = systemClock) =>
  createTokenService({ tokens: store.tokens, settings: store.settings, clock, logger: silentLogger });

describe("tokens", () => {
  let root: Principal;
  let rootSecret: string;

  it("make the root token once, and know it again", async () => {
    const first = await service().ensureRoot();
    expect(first.secret).toMatch(/^gbx_[A-Za-z0-9_-]{43}$/);
    rootSecret = first.secret ?? "";
    expect(await service().ensureRoot()).toEqual({ token: first.token });
    const result = await service().authenticate(rootSecret);
    if (!result.ok) throw new Error("the root token does not work");
    root = result.principal;
    expect(root).toMatchObject({ tenantId: "default", root: true, roles: ["admin"] });
  });

  it("fail without telling why to anyone but the server", async () => {
    const tokens = service();
    expect(await tokens.authenticate(undefined)).toEqual({ ok: false, failure: "missing" });
    expect(await tokens.authenticate("")).toEqual({ ok: false, failure: "missing" });
    expect(await tokens.authenticate("short")).toEqual({ ok: false, failure: "unknown" });
    expect(await tokens.authenticate("ä".repeat(40))).toEqual({ ok: false, failure: "unknown" });
    expect(await tokens.authenticate(`${rootSecret}x`)).toEqual({ ok: false, failure: "unknown" });
  });

  it("make no token that outlives its maker's", async () => {
    const tokens = service();
    const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
    const { secret } = await tokens.create(root, { name: "hour", roles: ["admin"], expiresAt: inMs(3_600_000) });
    const maker = await tokens.authenticate(secret);
    if (!maker.ok) throw new Error("the token does not work");
    for (const expiresAt of [undefined, inMs(7_200_000)]) {
      const input = { name: "longer", roles: ["viewer" as const], ...(expiresAt !== undefined && { expiresAt }) };
      await expect(tokens.create(maker.principal, input)).rejects.toMatchObject({ code: "permission_denied" });
    }
    const shorter = await tokens.create(maker.principal, {
      name: "shorter",
      roles: ["viewer"],
      expiresAt: inMs(60_000),
    });
    expect(shorter.token.name).toBe("shorter");
  });

  it("expire, even while they are remembered", async () => {
    const clock = movableClock();
    const tokens = service(clock);
    const expiresAt = new Date(clock.nowMs() + 10_000).toISOString();
    const { secret, token } = await tokens.create(root, { name: "brief", roles: ["viewer"], expiresAt });
    expect(token.expiresAt).toBe(expiresAt);
    expect((await tokens.authenticate(secret)).ok).toBe(true);
    clock.forward(9_999);
    clock.forward(1);
    expect(await tokens.authenticate(secret)).toEqual({ ok: false, failure: "expired" });
    await expect(
      tokens.create(root, { name: "past", roles: ["viewer"], expiresAt: "2020-01-01T00:00:00Z" }),
    ).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it("stop working at once when deleted, and in other processes soon", async () => {
    const clock = movableClock();
    const [here, there] = [service(clock), service(clock)];
    const { secret, token } = await here.create(root, { name: "gone", roles: ["agent"] });
    expect((await there.authenticate(secret)).ok).toBe(true);
    expect((await here.authenticate(secret)).ok).toBe(true);
    await here.delete("default", token.id);
    expect((await here.authenticate(secret)).ok).toBe(false);
    clock.forward(2001);
    expect((await there.authenticate(secret)).ok).toBe(false);
    await expect(here.delete("default", token.id)).rejects.toMatchObject({ code: "not_found" });
  });

  it("never have more rights than their maker", async () => {
    const tokens = service();
    const developer: Principal = { ...root, root: false, roles: ["developer"] };
    await expect(tokens.create(developer, { name: "x", roles: ["admin"] })).rejects.toMatchObject({
      code: "permission_denied",
    });
    await expect(tokens.create(developer, { name: "x", roles: ["viewer"], tenantId: "other" })).rejects.toMatchObject({
      code: "permission_denied",
    });
    expect((await tokens.create(developer, { name: "x", roles: ["agent", "agent"] })).token.roles).toEqual(["agent"]);
  });

  it("record their last use, without the secret ever reaching the disk", async () => {
    const tokens = service();
    const { secret, token } = await tokens.create(root, { name: "used", roles: ["viewer"] });
    await tokens.authenticate(secret);
    const find = async () => (await tokens.list("default", { limit: 1000 })).items.find(({ id }) => id === token.id);
    while ((await find())?.lastUsedAt === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(JSON.stringify(await find())).not.toContain(secret.slice(10));
  });

  it("let who has the data folder replace the root token", async () => {
    const tokens = service();
    await expect(tokens.delete("default", root.tokenId)).rejects.toMatchObject({ code: "conflict" });
    const chosen = "my-own-root-secret-1";
    expect((await tokens.resetRoot(chosen)).secret).toBe(chosen);
    expect((await tokens.authenticate(rootSecret)).ok).toBe(false);
    expect((await tokens.authenticate(chosen)).ok).toBe(true);
    await expect(tokens.resetRoot("weak")).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await tokens.authenticate(chosen)).ok).toBe(true);
  });
});

describe("roles", () => {
  const authorizer = createRoleAuthorizer({
    read: { minimumRole: "viewer" },
    write: { minimumRole: "developer" },
    all: { minimumRole: "admin", rootOnly: true },
    open: { minimumRole: "public" },
  });
  const may = (roles: Principal["roles"], action: string, root = false) =>
    authorizer.check({ tenantId: "t", tokenId: "i", name: "n", roles, root }, action, { kind: "x", tenantId: "t" })
      .allowed;

  it("may what weaker ones may, and nothing that is not declared", () => {
    expect(may(["viewer"], "read")).toBe(true);
    expect(may(["viewer"], "write")).toBe(false);
    expect(may(["agent"], "write")).toBe(false);
    expect(may(["viewer", "operator"], "write")).toBe(true);
    expect(may(["admin"], "unheard")).toBe(false);
    expect(may(["admin"], "toString")).toBe(false);
    expect(may([], "read")).toBe(false);
    expect(may([], "open")).toBe(true);
  });

  it("do not make a root token", () => {
    expect(may(["admin"], "all")).toBe(false);
    expect(may(["admin"], "all", true)).toBe(true);
  });
});

describe("token buckets", () => {
  it("give a burst, then fill steadily, each key its own", () => {
    const clock = movableClock();
    const bucket = createTokenBucket({ perSecond: 10, burst: 3, clock });
    expect([bucket.take("a"), bucket.take("a"), bucket.take("a")]).toEqual([0, 0, 0]);
    const wait = bucket.take("a");
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(100);
    expect(bucket.take("b")).toBe(0);
    clock.forward(100);
    expect(bucket.take("a")).toBe(0);
    clock.forward(3_600_000);
    expect([1, 2, 3, 4].map(() => bucket.take("a") > 0)).toEqual([false, false, false, true]);
  });

  it("remember a bounded number of keys, and have no limit at 0", () => {
    const bucket = createTokenBucket({ perSecond: 0.001, burst: 1, clock: systemClock, maxKeys: 10 });
    for (let key = 0; key < 1000; key += 1) expect(bucket.take(String(key))).toBe(0);
    expect(bucket.take("999")).toBeGreaterThan(0);
    const free = createTokenBucket({ perSecond: 0, burst: 1, clock: systemClock });
    expect([free.take("a"), free.take("a"), free.take("a")]).toEqual([0, 0, 0]);
  });
});

describe("address lists", () => {
  it("know addresses and ranges of both families", () => {
    const list = createAddressList(["10.1.0.0/16", "192.0.2.7", "2001:db8::/32"]);
    const allowed = ["10.1.2.3", "192.0.2.7", "::ffff:10.1.2.3", "2001:db8::5"];
    const refused = ["10.2.0.1", "192.0.2.8", "2001:db9::1", "::1", "nonsense", undefined];
    for (const address of allowed) expect([address, list.allows(address)]).toEqual([address, true]);
    for (const address of refused) expect([address, list.allows(address)]).toEqual([address, false]);
    expect(createAddressList([]).allows("anything")).toBe(true);
    expect(createAddressList([]).allowsAll).toBe(true);
  });

  it.each(["", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "example.org", "::1/129", "10.0.0.0/"])(
    "refuse %j",
    (entry) => {
      expect(() => createAddressList([entry])).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
    },
  );
});
