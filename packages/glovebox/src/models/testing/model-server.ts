import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { anthropicStream, ollamaStream, openAiStream, type WireCall, type WireReply } from "./wire-formats.ts";

/** What goes wrong instead of an answer, or in the middle of it. */
export type ModelFault =
  | { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Nothing comes any more after that many pieces. */
  | { readonly kind: "hang"; readonly after: number }
  | { readonly kind: "die"; readonly after: number }
  | { readonly kind: "garbage" }
  | { readonly kind: "flood" };

export interface Reply {
  readonly text?: string;
  readonly toolCalls?: readonly WireCall[];
  readonly fault?: ModelFault;
  /** Between pieces, milliseconds. */
  readonly pauseMs?: number;
}

export interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  // biome-ignore lint/suspicious/noExplicitAny: whatever a provider's library sends; tests look into it
  readonly body: any;
}

/** A model's server on loopback that answers by a function, in the wire formats of Ollama (`/api`), OpenAI (`/v1`) and Anthropic (`/v1/messages`). */
export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Answers what comes from now on. */
  reply(next: Reply | ((asked: Asked) => Reply)): void;
}

const STREAMS = {
  "/api/chat": { type: "application/x-ndjson", stream: ollamaStream },
  "/v1/chat/completions": { type: "text/event-stream", stream: openAiStream },
  "/v1/messages": { type: "text/event-stream", stream: anthropicStream },
} as const;

export async function startModelServer(first: Reply = {}): Promise<ModelServer> {
  const asked: Asked[] = [];
  let answer: (asked: Asked) => Reply = () => first;
  const server = createServer((request, response) => {
    void serve(request, response).catch(() => response.destroy());
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (request.method === "GET") return sendModels(path, response);
    const body: unknown = JSON.parse(await text(request));
    const one = { path, headers: request.headers as Asked["headers"], body };
    asked.push(one);
    await send(one, answer(one), response);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    reply: (next) => {
      answer = typeof next === "function" ? next : () => next;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function text(request: IncomingMessage): Promise<string> {
  let all = "";
  for await (const piece of request.setEncoding("utf8")) all += piece as string;
  return all;
}

function sendModels(path: string, response: ServerResponse): void {
  const json = (body: unknown) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  if (path === "/api/tags") json({ models: [{ name: "tiny:1b" }, { name: "big:7b" }] });
  else if (path === "/v1/models") json({ object: "list", data: [{ id: "tiny", context_length: 4096 }, { id: "big" }] });
  else response.writeHead(404).end();
}

async function send(asked: Asked, reply: Reply, response: ServerResponse): Promise<void> {
  const format = STREAMS[asked.path as keyof typeof STREAMS];
  const { fault, text: said = "", toolCalls = [], pauseMs = 0 } = reply;
  if (format === undefined) return void response.writeHead(404).end();
  if (fault?.kind === "status") {
    response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
    return void response.end(JSON.stringify({ error: { message: "not today", type: "test" } }));
  }
  response.writeHead(200, { "content-type": format.type });
  if (fault?.kind === "garbage") return void response.end('data: {]\n\n<html>\u0000\n{"a":\n\n');
  if (fault?.kind === "flood") return flood(response);
  const wire: WireReply = { text: said, toolCalls, inputTokens: 11, outputTokens: 7 };
  let sent = 0;
  for (const piece of format.stream(String(asked.body.model), wire)) {
    if (fault !== undefined && sent >= fault.after) {
      // What was written is on its way first.
      if (fault.kind === "die") await delay(50).then(() => response.destroy());
      return;
    }
    response.write(piece);
    sent += 1;
    if (pauseMs > 0) await delay(pauseMs);
  }
  response.end();
}

/** Spaces without end, as fast as they are taken. */
async function flood(response: ServerResponse): Promise<void> {
  const endless = function* () {
    for (;;) yield `: ${" ".repeat(65_536)}\n`;
  };
  await pipeline(Readable.from(endless()), response).catch(() => {});
}
