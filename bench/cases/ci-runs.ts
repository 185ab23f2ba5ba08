import { createHmac, randomUUID } from "node:crypto";
import { openCiStage, WORKFLOW } from "../../packages/glovebox/src/ci/runs/testing/ci-stage.ts";
import { GitUpstream } from "../../packages/glovebox/src/forges/testing/git-upstream.ts";
import { TENANT } from "../../packages/glovebox/src/sessions/testing/stage.ts";
import { type Case, timeEach } from "../harness.ts";
import { openServer } from "../server.ts";

const TRIVIAL = "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: ':'\n";
const BURST = 60;
const BURSTS = 5;

function openStage() {
  const settings = { snapshots: "never", runTimeoutMs: 600_000, labels: {} } as const;
  return openCiStage({ settings, maxConcurrentJobs: 8 });
}

/** From the request to the record's end, the code being there; beside a session, the same command in it, and its end. */
const oneStep: Case = {
  name: "ci.one-step",
  unit: "ms",
  target: { better: "lower", p50: 150 },
  async run() {
    await using at = await openStage();
    const samples = await timeEach(30, 5, async () => {
      if ((await at.run(TRIVIAL)).conclusion !== "success") throw new Error("a workflow of one step failed");
    });
    const { services } = at.stage;
    const floor = await timeEach(30, 5, async () => {
      const id = await at.stage.session({ template: "ci" });
      await at.stage.run(id, { kind: "command", argv: ["bash", "-c", ":"] });
      await services.sessions.close(TENANT, id);
    });
    return { samples, floor: { name: "a session, the command in it, and its end", samples: floor } };
  },
};

/** Workflows of one step that does nothing, begun all at once. */
const perSecond: Case = {
  name: "ci.workflows",
  unit: "1/s",
  target: { better: "higher", p50: 60 },
  async run() {
    await using at = await openStage();
    const burst = async () => {
      const start = performance.now();
      const begun = await Promise.all(Array.from({ length: BURST }, () => at.start({ [WORKFLOW]: TRIVIAL })));
      await Promise.all(begun.flat().map(({ id }) => at.end(id)));
      return (BURST * 1000) / (performance.now() - start);
    };
    const sessions = async () => {
      const start = performance.now();
      const one = async () => {
        const id = await at.stage.session({ template: "ci" });
        await at.stage.run(id, { kind: "command", argv: ["bash", "-c", ":"] });
        await at.stage.services.sessions.close(TENANT, id);
      };
      for (let left = BURST; left > 0; left -= 6) await Promise.all(Array.from({ length: 6 }, one));
      return (BURST * 1000) / (performance.now() - start);
    };
    await burst();
    const samples: number[] = [];
    const floor: number[] = [];
    for (let i = 0; i < BURSTS; i += 1) {
      samples.push(await burst());
      floor.push(await sessions());
    }
    return { samples, floor: { name: "as many sessions with the command in them, six at a time", samples: floor } };
  },
};

/** From a signed push, which is sent over HTTP, to the start of the first step's process, by the server's clock. The commit is there already. */
const webhook: Case = {
  name: "ci.webhook-to-step",
  unit: "ms",
  target: { better: "lower", p50: 60 },
  async run() {
    await using upstream = await GitUpstream.start();
    const name = "acme/bench";
    const sha = await upstream.commit(name, { [WORKFLOW]: TRIVIAL });
    const env = { GLOVEBOX_CI_GITHUB_URL: upstream.origin, GLOVEBOX_POOLS_CI_MIN: "2", GLOVEBOX_CI_SNAPSHOTS: "never" };
    await using bench = await openServer(env);
    const { client } = bench;
    const { webhookSecret } = await client.send<{ webhookSecret: string }>("POST", "/v1/repositories", {
      fullName: name,
    });
    const repository = { full_name: name, clone_url: upstream.url(name), default_branch: "main", private: false };
    const samples: number[] = [];
    for (let i = -3; i < 20; i += 1) {
      const id = randomUUID();
      const payload = {
        ref: "refs/heads/main",
        before: sha,
        after: sha,
        deleted: false,
        repository,
        sender: { login: "ada" },
      };
      const body = JSON.stringify(payload);
      const headers = {
        "content-type": "application/json",
        "x-github-event": "push",
        "x-github-delivery": id,
        "x-hub-signature-256": `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`,
      };
      const sentMs = Date.now();
      const answer = await fetch(`${bench.server.url}/webhooks/github`, { method: "POST", body, headers });
      if (answer.status !== 202) throw new Error(`the delivery was answered ${answer.status}`);
      const startedMs = await firstStart(client, id);
      if (i >= 0) samples.push(startedMs - sentMs);
    }
    const floor = await timeEach(100, 20, async () => {
      await client.send("GET", "/v1/whoami");
    });
    return { samples, floor: { name: "one request that is answered at once", samples: floor } };
  },
};

interface Runs {
  readonly items: readonly {
    readonly event: { readonly deliveryId?: string };
    readonly status: string;
    readonly jobs: readonly { readonly steps: readonly { readonly executionIds: readonly string[] }[] }[];
  }[];
}

/** When the first step's process of a delivery's run started, once the run is over. */
async function firstStart(
  client: { send<T>(method: string, path: string): Promise<T> },
  delivery: string,
): Promise<number> {
  for (;;) {
    const { items } = await client.send<Runs>("GET", "/v1/ci/runs?limit=1");
    const run = items.find(({ event, status }) => event.deliveryId === delivery && status === "completed");
    const execution = run?.jobs[0]?.steps[0]?.executionIds[0];
    if (execution !== undefined) {
      const { startedAt } = await client.send<{ startedAt: string }>("GET", `/v1/executions/${execution}`);
      return Date.parse(startedAt);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const ciRuns: readonly Case[] = [webhook, oneStep, perSecond];
