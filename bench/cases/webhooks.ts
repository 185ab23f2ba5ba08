import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { Agent, request } from "node:http";
import { createInterface } from "node:readline";
import { type Case, timeEach } from "../harness.ts";
import { openServer } from "../server.ts";

const COUNT = 400;
const WARM_UP = 40;

/** What no webhook can do without: read the body, sign it, compare, answer. */
const BARE_SERVER = `
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
const server = createServer(async (request, answer) => {
  const mac = createHmac("sha256", process.argv[1]).update(await buffer(request)).digest("hex");
  const given = Buffer.from(String(request.headers["x-hub-signature-256"]));
  const isGood = timingSafeEqual(given, Buffer.from("sha256=" + mac));
  answer.writeHead(isGood ? 202 : 401).end("{}");
}).listen(0, "127.0.0.1", () => console.log("http://127.0.0.1:" + server.address().port));
`;

/**
 * From sending a signed push of some 7 KB to its answer, by which it is on disk; beside a server of node:http alone that only reads, signs and compares. A deletion, so that no run begins
 * beside it.
 */
export const webhookAnswer: Case = {
  name: "ci.webhook-answer",
  unit: "ms",
  target: { better: "lower", p50: 100 },
  async run() {
    await using bench = await openServer({
      GLOVEBOX_CI_WEBHOOKS_PER_ADDRESS: "0",
      GLOVEBOX_CI_WEBHOOKS_PER_REPOSITORY: "0",
    });
    const { webhookSecret } = await bench.client.send<{ webhookSecret: string }>("POST", "/v1/repositories", {
      fullName: "acme/box",
    });
    const bare = await startBare(webhookSecret);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = Buffer.from(JSON.stringify(pushOf()));
    const signature = `sha256=${createHmac("sha256", webhookSecret).update(body).digest("hex")}`;
    const post = (url: string, id: string) => send({ agent, url: `${url}/webhooks/github`, id, signature, body });
    try {
      const samples = await timeEach(COUNT, WARM_UP, (at) => post(bench.server.url, `delivery-${at + WARM_UP}`));
      const floor = await timeEach(COUNT, WARM_UP, (at) => post(bare.url, `delivery-${at + WARM_UP}`));
      return { samples, floor: { name: "HMAC over node:http", samples: floor } };
    } finally {
      agent.destroy();
      bare.kill();
    }
  },
};

function pushOf(): object {
  const commits = Array.from({ length: 10 }, (_, at) => ({ id: "b".repeat(40), message: `Change ${at} `.repeat(40) }));
  const repository = {
    full_name: "acme/box",
    clone_url: "https://github.com/acme/box.git",
    default_branch: "main",
    private: false,
  };
  const [before, after] = ["a".repeat(40), "0".repeat(40)];
  return { ref: "refs/heads/gone", before, after, deleted: true, repository, sender: { login: "ada" }, commits };
}

async function startBare(secret: string): Promise<{ url: string; kill(): void }> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", BARE_SERVER, secret], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const url of createInterface({ input: child.stdout })) {
    return { url, kill: () => void child.kill("SIGKILL") };
  }
  throw new Error("the bare server did not start");
}

function send(delivery: {
  readonly agent: Agent;
  readonly url: string;
  readonly id: string;
  readonly signature: string;
  readonly body: Buffer;
}): Promise<void> {
  const { agent, url, id, signature, body } = delivery;
  const headers = {
    "content-type": "application/json",
    "content-length": body.length,
    "x-github-event": "push",
    "x-github-delivery": id,
    "x-hub-signature-256": signature,
  };
  return new Promise((done, fail) => {
    const out = request(url, { agent, method: "POST", headers }, (answer) => {
      if (answer.statusCode !== 202) fail(new Error(`a delivery was answered with ${answer.statusCode}`));
      answer.resume().on("end", done);
    });
    out.on("error", fail);
    out.end(body);
  });
}
