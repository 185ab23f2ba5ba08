import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../core/index.ts";
import { createAuthorities } from "./authority.ts";
import { parseHost } from "./host.ts";
import { createEgress } from "./index.ts";
import { memoryAuthorities, silentLogger } from "./testing/test-authority.ts";
import { network } from "./testing/world.ts";

const DAY_MS = 86_400_000;
const at = (days: number) => ({ ...systemClock, nowMs: () => systemClock.nowMs() + days * DAY_MS });

describe("a tenant's authority", () => {
  it("is made once, also when two ask at once, and kept", async () => {
    const store = memoryAuthorities();
    const authorityOf = createAuthorities(store, systemClock);
    const [one, two] = await Promise.all([authorityOf("a"), authorityOf("a")]);
    expect(two.certificate).toBe(one.certificate);
    expect((await createAuthorities(store, systemClock)("a")).certificate).toBe(one.certificate);
    expect((await authorityOf("b")).certificate).not.toBe(one.certificate);
  });

  it("is made anew a year before it expires", async () => {
    const store = memoryAuthorities();
    const first = (await createAuthorities(store, systemClock)("a")).certificate;
    expect((await createAuthorities(store, at(300))("a")).certificate).toBe(first);
    const second = (await createAuthorities(store, at(370))("a")).certificate;
    expect(second).not.toBe(first);
    expect((await createAuthorities(store, at(371))("a")).certificate).toBe(second);
  });

  it.each(["", "{}", '{"version":1,"certificate":"x","key":"y"}'])(
    "that is broken (%j) is an error, not replaced",
    async (text) => {
      const store = memoryAuthorities();
      store.saved.set("a", Buffer.from(text));
      await expect(createAuthorities(store, systemClock)("a")).rejects.toMatchObject({ code: "unavailable" });
      expect(Buffer.from(store.saved.get("a") ?? []).toString()).toBe(text);
    },
  );

  it("signs certificates that hold for one host", async () => {
    const authority = await createAuthorities(memoryAuthorities(), systemClock)("a");
    const ca = new X509Certificate(authority.certificate);
    expect(ca.ca).toBe(true);
    for (const [text, name] of [
      ["api.test", "DNS:api.test"],
      ["127.0.0.1", "IP Address:127.0.0.1"],
      ["[::1]", "IP Address:0:0:0:0:0:0:0:1"],
    ]) {
      const host = parseHost(text ?? "") ?? expect.fail("no host");
      const leaf = new X509Certificate((await authority.issue(host)).certificate);
      expect(leaf.verify(ca.publicKey)).toBe(true);
      expect(leaf.checkIssued(ca)).toBe(true);
      expect(leaf.ca).toBe(false);
      expect(leaf.subjectAltName).toBe(name);
    }
  });
});

describe("explaining", () => {
  const egress = createEgress({
    audit: { record: () => expect.fail("an explanation is no decision") },
    logger: silentLogger,
    clock: systemClock,
    authorities: memoryAuthorities(),
  });
  it.each([
    ["GET", "https://1.1.1.1/v1/x", true, "allowed"],
    ["POST", "https://1.1.1.1/v1/x", false, "request_not_allowed"],
    ["GET", "https://1.1.1.1/v1/../x", false, "ambiguous_path"],
    ["GET", "http://8.8.8.8:8080/", true, "allowed"],
    ["GET", "http://8.8.4.4/", false, "not_in_allow_list"],
    ["GET", "http://10.0.0.1/", false, "private_address"],
    ["GET", "http://u@1.1.1.1/", false, "malformed_request"],
    ["GET", "ftp://1.1.1.1/", false, "malformed_request"],
    ["GET", "http://1.1.1.1:0/", false, "invalid_port"],
  ])("%s %s: %s, %s", async (method, url, allowed, code) => {
    const spec = network({ mode: "allowlist", allow: ["GET https://1.1.1.1/v1/*", "8.8.8.8:8080", "10.0.0.1"] });
    expect(await egress.explain(spec, { method, url })).toMatchObject({ allowed, code });
  });

  it("says where TLS is opened", async () => {
    const spec = network({ mode: "open", allow: ["GET https://1.1.1.1/v1/*"] });
    expect((await egress.explain(spec, { method: "GET", url: "https://1.1.1.1/v1/x" })).reason).toContain("TLS opened");
    expect((await egress.explain(spec, { method: "GET", url: "https://8.8.8.8/" })).reason).not.toContain("TLS opened");
  });
});
