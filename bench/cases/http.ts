import { spawn } from "node:child_process";
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";
import type { Case } from "../harness.ts";
import { openServer } from "../server.ts";

const REQUESTS = 4000;
const CONNECTIONS = 16;

const BARE_SERVER = `
import fastify from "fastify";
const app = fastify();
app.get("/v1/health", async () => ({ status: "ok" }));
console.log(await app.listen({ port: 0, host: "127.0.0.1" }));
`;

/** Requests a second of \`/v1/health\`, beside a fastify server in a process of its own that answers and does nothing else. */
export const health: Case = {
  name: "http.health",
  unit: "1/s",
  target: { better: "higher", p50: 1 },
  async run() {
    await using bench = await openServer();
    const bare = await startBare();
    const samples: number[] = [];
    const floor: number[] = [];
    try {
      // Alternating keeps the machine's moods out of the ratio.
      for (let round = -2; round < 9; round += 1) {
        const ours = await load(`${bench.server.url}/v1/health`);
        const theirs = await load(`${bare.url}/v1/health`);
        if (round < 0) continue;
        samples.push(ours);
        floor.push(theirs);
      }
    } finally {
      bare.kill();
    }
    return { samples, floor: { name: "bare fastify", samples: floor }, ratioTarget: 0.85 };
  },
};

async function startBare(): Promise<{ url: string; kill(): void }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", BARE_SERVER], {
    cwd: new URL("../../packages/glovebox/", import.meta.url),
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const url of createInterface({ input: child.stdout }))
    return { url, kill: () => void child.kill("SIGKILL") };
  throw new Error("the bare server did not start");
}

/** A bounded number of requests over a few kept-alive connections; requests a second. */
async function load(url: string): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const one = () =>
    new Promise<void>((done, fail) => {
      get(url, { agent }, (answer) => {
        if (answer.statusCode !== 200) fail(new Error(`${url}: ${answer.statusCode}`));
        answer.resume().on("end", done);
      }).on("error", fail);
    });
  const start = performance.now();
  let left = REQUESTS;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await one();
      }
    }),
  );
  agent.destroy();
  return REQUESTS / ((performance.now() - start) / 1000);
}
