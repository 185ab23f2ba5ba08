import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { expect } from "vitest";
import type { SandboxConnection } from "../../packages/glovebox/src/core/index.ts";
import type { SandboxNetwork } from "../../packages/glovebox/src/sandbox/index.ts";

/** A network whose connections the test serves by itself, in the order in which they came. */
export class Connections implements SandboxNetwork {
  readonly all: SandboxConnection[] = [];
  private readonly serve: (stream: Duplex, connection: SandboxConnection) => void;

  constructor(serve: (stream: Duplex, connection: SandboxConnection) => void = () => {}) {
    this.serve = serve;
  }

  accept(connection: SandboxConnection): void {
    this.all.push(connection);
    this.serve(connection.stream, connection);
  }

  /** The stream of connection number `index`, once it is there. */
  async stream(index = 0): Promise<Duplex> {
    await expect.poll(() => this.all.length, { timeout: 20_000, interval: 5 }).toBeGreaterThan(index);
    return (this.all[index] as SandboxConnection).stream;
  }
}

/** A real HTTP server behind the forwarder: a proxy that answers by itself, and echoes what is sent through CONNECT. */
export class LittleProxy implements SandboxNetwork, AsyncDisposable {
  /** `METHOD target of the request, by NAME:PORT of the connection`, for each. */
  readonly requests: string[] = [];
  private readonly server: Server = createServer((request, response) => {
    this.note(request);
    response.setHeader("connection", "close");
    request.pipe(response);
    if (request.method === "GET") response.end("answer\n");
  });
  private readonly targets = new WeakMap<object, SandboxConnection["target"]>();

  constructor() {
    this.server.on("connect", (request: IncomingMessage, stream: Duplex) => {
      this.note(request);
      stream.write("HTTP/1.1 200 OK\r\n\r\n");
      stream.pipe(stream);
    });
  }

  accept({ stream, target }: SandboxConnection): void {
    this.targets.set(stream, target);
    this.server.emit("connection", stream);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    return Promise.resolve();
  }

  private note({ method, url, socket }: IncomingMessage): void {
    const target = this.targets.get(socket);
    this.requests.push(`${method} ${url}${target ? ` by ${target.host}:${target.port}` : ""}`);
  }
}
