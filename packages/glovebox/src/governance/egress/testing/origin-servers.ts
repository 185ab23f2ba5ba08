import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Authority } from "../authority.ts";
import { contextFor } from "./test-authority.ts";

/** A request as an origin saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly host: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface OriginServer extends AsyncDisposable {
  readonly port: number;
  readonly seen: Seen[];
  /** How many connections came, used or not. */
  readonly connections: () => number;
  /** Default: 200, `hello from NAME`. */
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
  onUpgrade: (request: IncomingMessage, socket: Duplex) => void;
}

/** A real server at `address`; with an authority it speaks TLS for whatever name is asked for (or for `certificateFor`). */
export async function startOrigin(
  address: string,
  options: { readonly tls?: Authority; readonly certificateFor?: string; readonly port?: number } = {},
): Promise<OriginServer> {
  const seen: Seen[] = [];
  const sockets = new Set<Socket>();
  let count = 0;
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const { method = "", url = "", headers } = request;
      seen.push({ method, url, host: headers.host ?? "", headers, body });
      origin.answer(request, response, body);
    });
  };
  const server: Server =
    options.tls === undefined ? createServer(handler) : await secure(options.tls, options.certificateFor, handler);
  server.on("connection", (socket: Socket) => {
    count += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request, socket) => origin.onUpgrade(request, socket));
  server.listen(options.port ?? 0, address);
  await once(server, "listening");
  const origin: OriginServer = {
    port: (server.address() as AddressInfo).port,
    seen,
    connections: () => count,
    answer: (_request, response) => void response.end(`hello from ${address}`),
    onUpgrade: (_request, socket) => void socket.destroy(),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return origin;
}

async function secure(
  authority: Authority,
  certificateFor: string | undefined,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const fixed = certificateFor === undefined ? undefined : await contextFor(authority, certificateFor);
  const { certificate, key } = await authority.issue({ text: "fallback.test" });
  const server = createHttps(
    {
      cert: `${certificate}${authority.certificate}`,
      key,
      SNICallback: (name, done) => {
        if (fixed !== undefined) done(null, fixed);
        else contextFor(authority, name).then((context) => done(null, context), done);
      },
    },
    handler,
  );
  server.on("tlsClientError", () => {});
  return server as unknown as Server;
}
