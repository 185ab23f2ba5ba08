import { type ClientRequest, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type WebhookRoom, webhookRoom } from "../../ci/webhooks/testing/webhook-room.ts";
import { GloveboxError, silentLogger, systemClock } from "../../core/index.ts";
import { EXAMPLES, signedDelivery } from "../../forges/testing/examples.ts";
import { createTokenBucket } from "../../governance/index.ts";
import { codeOf, json } from "./testing/answers.ts";
import { startTestServer, type TestServer } from "./testing/server.ts";

const APP_SECRET = "what the App signs with";
const push = EXAMPLES.find(({ event, payload }) => event === "push" && payload.ref === "refs/tags/simple-tag");
const example = push ?? EXAMPLES[0];
if (example === undefined) throw new Error("there are examples");

let server: TestServer;
let room: WebhookRoom;
beforeAll(async () => {
  server = await startTestServer({
    parts: async ({ store, secrets }) => {
      room = webhookRoom({ store, sealedValues: secrets.sealedValues }, { appSecret: APP_SECRET });
      return { repositories: room.repositories, webhooks: room.webhooks };
    },
  });
  const names = EXAMPLES.map(({ payload }) => (payload.repository as { full_name?: string } | undefined)?.full_name);
  for (const fullName of new Set(names.filter((name) => name !== undefined))) {
    // Names that GitHub does not tell apart are one repository.
    await room.repositories.add("default", { forge: "github", fullName, useApp: true }).catch(() => {});
  }
});
afterAll(async () => {
  await room.webhooks[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

type Sent = Awaited<ReturnType<typeof signedDelivery>>;
const send = (delivery: Sent, path = "/webhooks/github", headers: Record<string, string | undefined> = {}) => {
  const all = Object.entries({ ...delivery.headers, ...headers }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  );
  // No token: nothing but the signature counts.
  return fetch(server.url + path, {
    method: "POST",
    headers: Object.fromEntries(all),
    body: new Uint8Array(delivery.body),
  });
};
const acted = (id: string) => room.acted.filter(({ event }) => event.deliveryId === id);

describe("GitHub's webhooks over HTTP", () => {
  it("are taken, every published example of them, once each, and acted upon when something can come of them", async () => {
    const statuses = new Map<string, string>();
    const sendOne = async (one: (typeof EXAMPLES)[number]) => {
      const delivery = await signedDelivery(one, APP_SECRET);
      const answer = await send(delivery);
      const receipt = await json<{ deliveryId: string; status: string }>(answer);
      expect([one.event, answer.status, receipt.deliveryId]).toEqual([
        one.event,
        202,
        delivery.headers["x-github-delivery"],
      ]);
      statuses.set(receipt.deliveryId, receipt.status);
    };
    for (let at = 0; at < EXAMPLES.length; at += 16) await Promise.all(EXAMPLES.slice(at, at + 16).map(sendOne));
    const accepted = [...statuses].filter(([, status]) => status === "accepted").map(([id]) => id);
    expect(accepted.length).toBeGreaterThan(100);
    await expect.poll(() => accepted.filter((id) => acted(id).length !== 1), { timeout: 30_000 }).toEqual([]);
    expect(room.acted).toHaveLength(accepted.length);
  });

  it("are not acted upon with a wrong signature, without one, or a second time", async () => {
    const good = await signedDelivery(example, APP_SECRET, "first");
    const wrong = await signedDelivery(example, `${APP_SECRET}!`, "wrong");
    expect(await codeOf(await send(wrong))).toEqual([401, "unauthenticated"]);
    expect(await codeOf(await send({ ...good, body: Buffer.concat([good.body, Buffer.from(" ")]) }))).toEqual([
      401,
      "unauthenticated",
    ]);
    expect(await codeOf(await send(good, undefined, { "x-hub-signature-256": undefined }))).toEqual([
      401,
      "unauthenticated",
    ]);
    expect(await codeOf(await send(good, undefined, { "x-github-event": undefined }))).toEqual([
      400,
      "invalid_argument",
    ]);
    expect(await codeOf(await send(good, undefined, { "x-github-delivery": undefined }))).toEqual([
      400,
      "invalid_argument",
    ]);
    expect(await json(await send(good))).toEqual({ deliveryId: "first", status: "accepted" });
    expect(await json(await send(good))).toEqual({ deliveryId: "first", status: "duplicate" });
    await expect.poll(() => acted("first").length).toBe(1);
    expect(await json(await send(good))).toEqual({ deliveryId: "first", status: "duplicate" });
    expect([acted("first").length, acted("wrong").length]).toEqual([1, 0]);
  });

  it("are refused when they are malformed, for nobody, or too large; nothing else is reached so", async () => {
    const good = await signedDelivery(example, APP_SECRET);
    expect(await codeOf(await send({ ...good, body: Buffer.from("{") }))).toEqual([400, "invalid_argument"]);
    expect(await codeOf(await send(good, undefined, { "content-type": "text/plain" }))).toEqual([
      400,
      "invalid_argument",
    ]);
    const stranger = { event: "push", payload: { ...example.payload, repository: { full_name: "no/body" } } };
    expect(await codeOf(await send(await signedDelivery(stranger, APP_SECRET)))).toEqual([404, "not_found"]);
    const large = Buffer.alloc(25 * 2 ** 20 + 1, 32);
    expect(await codeOf(await send({ ...good, body: large }))).toEqual([413, "payload_too_large"]);
    expect(await codeOf(await send(good, "/webhooks/gitea"))).toEqual([401, "unauthenticated"]);
    expect((await send(good, "/webhooks/gitlab")).status).toBe(404);
    expect((await fetch(`${server.url}/webhooks/github`)).status).toBe(405);
    expect((await send(good, "/v1/repositories")).status).toBe(401);
  });

  it("are not read all at the same time when they are large: who has proved nothing cannot fill the memory", async () => {
    const good = await signedDelivery(example, APP_SECRET);
    const length = 25 * 2 ** 20;
    const open: ClientRequest[] = [];
    const statuses: (number | undefined)[] = [];
    const begin = () => {
      const headers = { ...good.headers, "content-length": String(length) };
      const out = request(`${server.url}/webhooks/github`, { method: "POST", headers });
      out.on("error", () => {}).on("response", (answer) => statuses.push(answer.resume().statusCode));
      out.flushHeaders();
      open.push(out);
    };
    for (let at = 0; at < 9; at += 1) begin();
    await expect.poll(() => statuses, { timeout: 20_000 }).toEqual([429]);
    // There is room again once those are gone.
    for (const out of open) out.destroy();
    const whole = { ...good, body: Buffer.alloc(length, 32) };
    await expect.poll(async () => (await send(whole)).status, { timeout: 20_000 }).toBe(400);
  });

  it("come from a repository's own webhook too, each tenant's with its own secret", async () => {
    const fullName = "acme/own";
    const mine = await room.repositories.add("default", { forge: "github", fullName });
    const theirs = await room.repositories.add("other", { forge: "github", fullName: "Acme/Own" });
    const payload = {
      ...example.payload,
      repository: { ...(example.payload.repository as object), full_name: fullName },
    };
    const of = (secret: string, id: string) => signedDelivery({ event: "push", payload }, secret, id);
    expect((await send(await of(theirs.webhookSecret, "theirs"))).status).toBe(202);
    await expect.poll(() => acted("theirs").map(({ repository }) => repository.tenantId)).toEqual(["other"]);
    // Neither is reached as the App, so what the App signs is not for them.
    expect(await codeOf(await send(await of(APP_SECRET, "app")))).toEqual([401, "unauthenticated"]);
    const renewed = await room.repositories.hook(
      "default",
      mine.repository.id,
      { rotate: true },
      AbortSignal.timeout(1000),
    );
    expect(await codeOf(await send(await of(mine.webhookSecret, "old")))).toEqual([401, "unauthenticated"]);
    expect((await send(await of(renewed.webhookSecret ?? "", "new"))).status).toBe(202);
    const signal = AbortSignal.timeout(1000);
    await room.repositories.remove("default", mine.repository.id, signal);
    await room.repositories.remove("other", theirs.repository.id, signal);
    expect(await codeOf(await send(await of(renewed.webhookSecret ?? "", "gone")))).toEqual([404, "not_found"]);
  });
});

it("each address and each repository may only be so fast", async () => {
  let limited: WebhookRoom | undefined;
  await using slow = await startTestServer({
    parts: async ({ store, secrets }) => {
      const bucket = (burst: number) => createTokenBucket({ perSecond: 0.001, burst, clock: systemClock });
      const limits = { addresses: bucket(4), repositories: bucket(2) };
      limited = webhookRoom({ store, sealedValues: secrets.sealedValues }, { appSecret: APP_SECRET, limits });
      return { webhooks: limited.webhooks };
    },
  });
  const fullName = (example.payload.repository as { full_name: string }).full_name;
  await limited?.repositories.add("default", { forge: "github", fullName, useApp: true });
  const post = async (secret: string) => {
    const { headers, body } = await signedDelivery(example, secret);
    return await fetch(`${slow.url}/webhooks/github`, { method: "POST", headers, body: new Uint8Array(body) });
  };
  const statuses: number[] = [];
  // What is not signed well counts for the address and not for the repository, which nobody else may so shut out.
  for (const secret of ["wrong", APP_SECRET, APP_SECRET, APP_SECRET]) statuses.push((await post(secret)).status);
  expect(statuses).toEqual([401, 202, 202, 429]);
  const last = await post(APP_SECRET);
  expect([last.status, Number(last.headers.get("retry-after")) > 0]).toEqual([429, true]);
  await limited?.webhooks[Symbol.asyncDispose]();
});

it("what was answered is done by the next server, and what fails for a while is tried again", async () => {
  const fullName = (example.payload.repository as { full_name: string }).full_name;
  await using one = await startTestServer();
  const parts = { store: one.store, sealedValues: one.secrets.sealedValues };
  const began = Promise.withResolvers<void>();
  const first = webhookRoom(parts, {
    act: (_event, _repository, signal) => {
      began.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  const { webhookSecret } = await first.repositories.add("default", { forge: "github", fullName });
  const delivery = await signedDelivery(example, webhookSecret, "survivor");
  expect(await first.webhooks.take("github", delivery)).toMatchObject({ status: "accepted" });
  await began.promise;
  await first.webhooks[Symbol.asyncDispose]();
  let tries = 0;
  const second = webhookRoom(parts, {
    act: async () => {
      tries += 1;
      if (tries === 1) throw new GloveboxError("forge_unavailable", "down");
      return "done";
    },
    logger: silentLogger,
  });
  expect(await second.webhooks.take("github", delivery)).toMatchObject({ status: "duplicate" });
  await second.webhooks.takeUp();
  await expect.poll(() => one.store.deliveries.pending(1), { timeout: 10_000 }).toEqual([]);
  expect(tries).toBe(2);
  await second.webhooks[Symbol.asyncDispose]();
});
