import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Forge, RawDelivery } from "../../packages/glovebox/src/forges/index.ts";

export interface ForgeSubject {
  readonly forge: Forge;
  readonly eventHeader: string;
  readonly deliveryHeader: string;
  readonly signatureHeader: string;
  /** The header's value for an HMAC-SHA256, hex. */
  readonly signature: (hex: string) => string;
  /** A push and a pull request of `acme/box` from the fork `evil/box`, as the forge sends them. */
  readonly push: Readonly<Record<string, unknown>>;
  readonly pullRequest: Readonly<Record<string, unknown>>;
  /** What runs of a pull request. */
  readonly pullRequestRef: string;
}

export const BEFORE = "1".repeat(40);
export const AFTER = "2".repeat(40);
const SECRET = "it's a secret to everybody";

/** Every forge that has webhooks passes this. */
export function forgeConformance(name: string, subject: ForgeSubject): void {
  const { forge } = subject;
  const deliver = (event: string, payload: unknown, secret = SECRET): RawDelivery => {
    const body = Buffer.from(JSON.stringify(payload));
    const hex = createHmac("sha256", secret).update(body).digest("hex");
    return {
      headers: {
        "content-type": "application/json",
        [subject.eventHeader]: event,
        [subject.deliveryHeader]: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        [subject.signatureHeader]: subject.signature(hex),
      },
      body,
    };
  };

  describe(`forge ${name}`, () => {
    test("a delivery is believed under a secret that signed it, among others, and under no other", async () => {
      const raw = deliver("push", subject.push);
      expect(forge.isSigned(raw)).toBe(true);
      expect(await forge.verify(raw, [SECRET])).toBe(true);
      expect(await forge.verify(raw, ["another", SECRET])).toBe(true);
      expect(await forge.verify(raw, ["another", `${SECRET} `])).toBe(false);
      expect(await forge.verify(raw, [])).toBe(false);
      // A repository without a secret must not be open to who signs with none.
      expect(await forge.verify(deliver("push", subject.push, "x"), [""])).toBe(false);
      const unsigned = { ...raw, headers: { ...raw.headers, [subject.signatureHeader]: undefined } };
      expect([forge.isSigned(unsigned), await forge.verify(unsigned, [SECRET])]).toEqual([false, false]);
    });

    test("no change of a byte, and no other signature, is believed", async () => {
      const raw = deliver("push", subject.push);
      await fc.assert(
        fc.asyncProperty(fc.nat(raw.body.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
          const body = Buffer.from(raw.body);
          body[at] = (body[at] ?? 0) ^ change;
          return !(await forge.verify({ ...raw, body }, [SECRET]));
        }),
        { numRuns: 100 },
      );
      const good = String(raw.headers[subject.signatureHeader]);
      const bad = [
        "",
        "sha256=",
        good.slice(0, -1),
        `${good}0`,
        good.toUpperCase(),
        good.replace(/.$/, "g"),
        ` ${good}`,
      ];
      for (const signature of [...bad, [good, good]]) {
        const forged = { ...raw, headers: { ...raw.headers, [subject.signatureHeader]: signature } };
        expect([signature, await forge.verify(forged, [SECRET])]).toEqual([signature, false]);
      }
    });

    test("a push and a fork's pull request are the same events everywhere", () => {
      expect(forge.event(forge.read(deliver("push", subject.push)))).toMatchObject({
        name: "push",
        deliveryId: "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        repository: { fullName: "acme/box", defaultBranch: "main", private: false },
        ref: "refs/heads/main",
        sha: AFTER,
        before: BEFORE,
        isFork: false,
        isDeletion: false,
        actor: "ada",
      });
      expect(
        forge.event(forge.read(deliver("push", { ...subject.push, after: "0".repeat(40), deleted: true }))),
      ).toMatchObject({
        isDeletion: true,
      });
      expect(forge.event(forge.read(deliver("pull_request", subject.pullRequest)))).toMatchObject({
        name: "pull_request",
        action: "synchronize",
        ref: subject.pullRequestRef,
        headSha: AFTER,
        headRef: "topic",
        baseRef: "main",
        isFork: true,
        pullRequest: 7,
      });
    });

    test("what is no delivery is refused, and what means nothing is none", () => {
      const raw = deliver("push", subject.push);
      expect(forge.event(forge.read(deliver("no_such_event", subject.push)))).toBeUndefined();
      for (const missing of [subject.eventHeader, subject.deliveryHeader, "content-type"]) {
        expect(() => forge.read({ ...raw, headers: { ...raw.headers, [missing]: undefined } })).toThrowError(
          expect.objectContaining({ code: "invalid_argument" }),
        );
      }
      for (const change of [{ ref: 5 }, { after: "main" }, { repository: { full_name: "../etc" } }, { sender: [] }]) {
        expect(() => forge.event(forge.read(deliver("push", { ...subject.push, ...change })))).toThrowError(
          expect.objectContaining({ code: "invalid_argument" }),
        );
      }
    });

    test("git gets the token as a header for it, and none where there is none", async () => {
      const repository = { fullName: "acme/box", cloneUrl: "https://git.example.org/acme/box.git" };
      const signal = AbortSignal.timeout(10_000);
      expect(await forge.remote(repository, { kind: "none" }, signal)).toEqual({ url: repository.cloneUrl });
      const { url, authorization = "" } = await forge.remote(repository, { kind: "token", token: "t0k3n" }, signal);
      expect(url).toBe(repository.cloneUrl);
      expect(Buffer.from(authorization.replace("Basic ", ""), "base64").toString()).toMatch(/^[\w-]+:t0k3n$/);
      expect(forge.reports(repository, { kind: "none" })).toBeUndefined();
      expect(forge.hooks(repository, { kind: "none" })).toBeUndefined();
    });
  });
}
