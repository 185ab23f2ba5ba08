import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { silentLogger, systemClock } from "../../packages/glovebox/src/core/index.ts";
import { TemplateInput } from "../../packages/glovebox/src/core/schemas.ts";
import { createEgress } from "../../packages/glovebox/src/governance/index.ts";
import { type Case, timeEach } from "../harness.ts";

/** Another process, so that the figures are the proxy's and not the server's. */
const ORIGIN = `
const { createServer } = require("node:http");
const block = Buffer.alloc(65536, 1);
createServer((request, response) => {
  if (request.url === "/") return response.end("hello");
  let left = 64 * 16;
  const more = () => {
    while (left > 0) {
      left -= 1;
      if (!response.write(block)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
}).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
`;

interface Stage extends AsyncDisposable {
  /** Of the origin. */
  readonly port: number;
  /** Where the proxy listens, as the agent's forwarder would. */
  readonly proxyPort: number;
}

async function openStage(): Promise<Stage> {
  const child = spawn(process.execPath, ["-e", ORIGIN], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const port = Number(line);
  const egress = createEgress({
    audit: { record: () => {} },
    logger: silentLogger,
    clock: systemClock,
    authorities: { get: async () => undefined, put: async () => {} },
    permitAddresses: ["127.0.0.1"],
  });
  const { network } = TemplateInput.parse({
    name: "bench",
    isolation: "bubblewrap",
    network: { mode: "allowlist", allow: [`127.0.0.1:${port}`], limits: { bytes: Number.MAX_SAFE_INTEGER } },
  });
  if (network === undefined) throw new Error("the template has no network");
  const gate = await egress.open({ tenantId: "bench", sessionId: "bench", network, secrets: [], onDecision: () => {} });
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (stream: Socket) => gate.accept({ stream }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port,
    proxyPort: address.port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      gate.close();
      server.close();
      await egress[Symbol.asyncDispose]();
    },
  };
}

/** One GET, read to its end. */
function get(agent: Agent, port: number, path: string, host: string): Promise<void> {
  return new Promise((done, fail) => {
    const asked = request({ agent, host: "127.0.0.1", port, path, headers: { host } }, (answer) => {
      if (answer.statusCode !== 200) fail(new Error(`the origin answered ${answer.statusCode}`));
      answer.resume().on("end", done).on("error", fail);
    });
    asked.on("error", fail).end();
  });
}

/** One small GET over a kept connection through the proxy, beside the same without it. */
export const egressRequest: Case = {
  name: "egress.request",
  unit: "ms",
  async run() {
    await using stage = await openStage();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const host = `127.0.0.1:${stage.port}`;
    try {
      const samples = await timeEach(1000, 200, () => get(agent, stage.proxyPort, `http://${host}/`, host));
      const floor = await timeEach(1000, 200, () => get(agent, stage.port, "/", host));
      return { samples, floor: { name: "the same request over loopback", samples: floor } };
    } finally {
      agent.destroy();
    }
  },
};

const MEGABYTES = (64 * 16 * 65_536) / 1_000_000;

/** 67 MB in one response through the proxy, beside the same without it. */
export const egressThroughput: Case = {
  name: "egress.throughput",
  unit: "MB/s",
  async run() {
    await using stage = await openStage();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const host = `127.0.0.1:${stage.port}`;
    const rate = (milliseconds: number) => (MEGABYTES * 1000) / milliseconds;
    try {
      const samples = await timeEach(5, 1, () => get(agent, stage.proxyPort, `http://${host}/large`, host));
      const floor = await timeEach(5, 1, () => get(agent, stage.port, "/large", host));
      return {
        samples: samples.map(rate),
        floor: { name: "the same response over loopback", samples: floor.map(rate) },
      };
    } finally {
      agent.destroy();
    }
  },
};

/** CONNECT and its answer, which is what a connection of TLS that is not opened costs more than without the proxy. */
export const egressConnect: Case = {
  name: "egress.connect",
  unit: "ms",
  async run() {
    await using stage = await openStage();
    const host = `127.0.0.1:${stage.port}`;
    const through = async (): Promise<void> => {
      const socket = connect(stage.proxyPort, "127.0.0.1");
      socket.write(`CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      if (!answer.toString("latin1").startsWith("HTTP/1.1 200")) throw new Error("the proxy refused");
    };
    const direct = async (): Promise<void> => {
      const socket = connect(stage.port, "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
    };
    const samples = await timeEach(300, 30, through);
    return { samples, floor: { name: "connecting over loopback", samples: await timeEach(300, 30, direct) } };
  },
};
