import { spawn } from "node:child_process";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Case, Measurement } from "../harness.ts";

const CONNECTIONS = 16;
const ROUNDS = 10;
const SERVER = fileURLToPath(new URL("../audit-server.ts", import.meta.url));

interface Work {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  /** Requests of one round. */
  readonly count: number;
}

/** A change that waits for the disk, as changes do: a secret set. Beside the same server without an audit log. */
export const auditedChange: Case = {
  name: "audit.change",
  unit: "1/s",
  target: { better: "higher", p50: 1 },
  run: () =>
    compare({
      method: "PUT",
      path: "/v1/secrets/BENCH",
      body: JSON.stringify({ value: "a value of some length", hosts: ["api.example.com"] }),
      count: 600,
    }),
};

/** The cheapest request that is audited, a read of nothing: what an entry costs where there is nothing to hide it behind. Few are, so that there is no target. */
export const auditedRead: Case = {
  name: "audit.read",
  unit: "1/s",
  async run() {
    const { ratioTarget: _, ...measured } = await compare({ method: "GET", path: "/v1/secrets", count: 2000 });
    return measured;
  },
};

async function compare(work: Work): Promise<Measurement> {
  await using audited = await startOne("with");
  await using bare = await startOne("without");
  const samples: number[] = [];
  const floor: number[] = [];
  // Alternating, and by turns the one or the other first, keeps the machine's moods out of the ratio.
  for (let round = -3; round < ROUNDS; round += 1) {
    const order = round % 2 === 0 ? [audited, bare] : [bare, audited];
    for (const server of order) {
      const perSecond = await load(server, work);
      if (round >= 0) (server === audited ? samples : floor).push(perSecond);
    }
  }
  return { samples, floor: { name: "the same without audit log", samples: floor }, ratioTarget: 0.95 };
}

interface OneServer extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
}

async function startOne(which: "with" | "without"): Promise<OneServer> {
  const child = spawn(process.execPath, ["--conditions=development", SERVER, which], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  for await (const line of createInterface({ input: child.stdout })) {
    return {
      ...(JSON.parse(line) as { url: string; token: string }),
      [Symbol.asyncDispose]: async () => {
        child.stdin.end();
        await exited;
      },
    };
  }
  throw new Error("the server did not start");
}

/** Requests a second over a few kept-alive connections. */
async function load({ url, token }: OneServer, { method, path, body, count }: Work): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const headers = {
    authorization: `Bearer ${token}`,
    ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
  };
  const one = () =>
    new Promise<void>((done, fail) => {
      const out = request(url + path, { agent, method, headers }, (answer) => {
        if (answer.statusCode !== 200) fail(new Error(`${method} ${path}: ${answer.statusCode}`));
        answer.resume().on("end", done);
      });
      out.on("error", fail).end(body);
    });
  const start = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await one();
      }
    }),
  );
  agent.destroy();
  return count / ((performance.now() - start) / 1000);
}
