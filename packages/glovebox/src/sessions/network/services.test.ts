import { afterAll, beforeAll, expect, test } from "vitest";
import { type Outside, type SandboxService, silentLogger, systemClock } from "../../core/index.ts";
import { createEgress, parseNetworkRules } from "../../governance/index.ts";
import { openStage, type Stage, TENANT } from "../testing/stage.ts";

const service = (word: string): SandboxService => ({
  host: "things.glovebox.internal",
  serve: (_request, response, path) => void response.end(`${word} ${path}`),
});
const ask = "curl -sS --max-time 20 http://things.glovebox.internal/a?b 2>&1";
let outside: Outside;
let stage: Stage;
beforeAll(async () => {
  const authorities = { get: async () => undefined, put: async () => {} };
  const egress = createEgress({ audit: { record: () => {} }, logger: silentLogger, clock: systemClock, authorities });
  outside = { egress, checkNetwork: (network) => void parseNetworkRules(network), bindSecrets: async () => [] };
  stage = await openStage({ outside });
});
afterAll(() => stage[Symbol.asyncDispose]());

const sh = async (id: string, command: string) =>
  (await stage.run(id, { kind: "command", argv: ["/bin/sh", "-c", command] })).out;

test("a session that was made for it reaches what it is offered and nothing else, also after a restart", async () => {
  const { sessions } = stage.services;
  const { session } = await sessions.create(TENANT, { template: "bash" }, { services: true });
  expect(session.services).toBe(true);
  expect(await sh(session.id, ask)).toContain("service_unavailable");
  expect(await sessions.offer(TENANT, session.id, service("first"))).toBe(true);
  expect(await sh(session.id, ask)).toBe("first /a?b");
  expect(await sh(session.id, "curl -sS --max-time 20 http://example.org/ 2>&1; env | grep -ci _proxy")).toMatch(
    /network_off[\s\S]*\n0\n$/,
  );
  const { dir } = stage;
  await stage.letGo();
  stage = await openStage({ outside, dir });
  await stage.services.recover();
  expect(await sh(session.id, ask)).toContain("service_unavailable");
  expect(await stage.services.sessions.offer(TENANT, session.id, service("second"))).toBe(true);
  expect(await sh(session.id, ask)).toBe("second /a?b");
});

test("a fork has a way of its own, on which nothing is offered yet; a rollback keeps the session's", async () => {
  const { sessions, snapshots } = stage.services;
  const { session } = await sessions.create(TENANT, { template: "bash" }, { services: true });
  await sessions.offer(TENANT, session.id, service("parent"));
  const snapshot = await snapshots.create(TENANT, session.id);
  const forked = await snapshots.fork(TENANT, session.id, { snapshotId: snapshot.id });
  const child = forked.sessions[0]?.id ?? "";
  expect(await sh(child, ask)).toContain("service_unavailable");
  await snapshots.rollback(TENANT, session.id, snapshot.id);
  await sessions.offer(TENANT, session.id, service("again"));
  expect(await sh(session.id, ask)).toBe("again /a?b");
});

test("with a network, services are beside it; without either, there are none", async () => {
  const { sessions, templates } = stage.services;
  const template = await templates.create(TENANT, {
    name: "narrow",
    isolation: "bubblewrap",
    languages: ["bash"],
    network: {
      mode: "allowlist",
      allow: ["example.org"],
      exempt: [],
      limits: { connections: 4, bytes: 1e6, seconds: 60 },
    },
  });
  const { session } = await sessions.create(TENANT, { template: template.name });
  expect(await sessions.offer(TENANT, session.id, service("beside"))).toBe(true);
  expect(await sh(session.id, ask)).toBe("beside /a?b");
  const { session: closed } = await sessions.create(TENANT, { template: "bash" });
  expect(await sessions.offer(TENANT, closed.id, service("never"))).toBe(false);
  expect(await sh(closed.id, ask)).toMatch(/Could not resolve|Failed to connect|Couldn't connect/);
});
