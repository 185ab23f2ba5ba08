import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void | Promise<void>;

/** A real HTTP server that gives its answers in order and keeps what it was asked. */
export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
}

export async function scriptedServer(...answers: readonly Answer[]): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    const record = { method, url, headers, body: Buffer.concat(chunks) };
    seen.push(record);
    const answer = answers[seen.length - 1];
    if (answer === undefined)
      json(500, { error: { code: "internal", message: "no answer is left" } })(response, record);
    else await answer(response, record);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", "x-request-id": "req-1", ...headers });
    response.end(JSON.stringify(body));
  };
}

export function failure(status: number, code: string, details?: Record<string, unknown>): Answer {
  return json(status, { error: { code, message: `it is ${code}`, requestId: "req-1", ...(details && { details }) } });
}

/** Breaks the connection instead of answering. */
export const hangUp: Answer = (response) => {
  response.socket?.destroy();
};

/** Sends these pieces of an event stream, then ends it well or breaks it. */
export function sse(pieces: readonly string[], end: "end" | "break" = "end"): Answer {
  return async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    if (end === "end") response.end();
    else response.socket?.destroy();
  };
}

/** An output event as a server frames it. */
export function frame(seq: number, text = `line ${seq}\n`): string {
  const event = { seq, ts: "2026-01-01T00:00:00.000Z", type: "stdout", payload: { text } };
  return `id: ${seq}\ndata: ${JSON.stringify(event)}\n\n`;
}

export const endFrame = "event: end\ndata: {}\n\n";
