import { expect } from "vitest";
import type { TestServer } from "./server.ts";

/** For tests: what comes back from a server. */

export async function json<T>(response: Response): Promise<T> {
  return (await response.json()) as T;
}

export async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, (await json<{ error: { code: string } }>(response)).error.code];
}

export interface Event {
  readonly seq: number;
  readonly type: string;
  readonly payload: Record<string, unknown>;
}
export interface Answer {
  readonly execution: { readonly id: string; readonly status: string; readonly exitCode?: number };
  readonly events: readonly Event[];
}

export interface Frame {
  readonly id?: number;
  readonly event?: string;
  readonly data: Record<string, unknown>;
}

/** Server-sent events until the stream ends, or until `enough` says so. */
export async function readFrames(
  server: TestServer,
  path: string,
  headers: Record<string, string> = {},
  enough?: (all: Frame[]) => boolean,
): Promise<{ frames: Frame[]; text: string }> {
  const cut = new AbortController();
  const response = await server.request(path, {
    headers: { accept: "text/event-stream", ...headers },
    signal: cut.signal,
  });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let text = "";
  const decoder = new TextDecoder();
  const all = () => parseFrames(text);
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (enough?.(all())) break;
  }
  cut.abort();
  return { frames: all(), text };
}

export function parseFrames(text: string): Frame[] {
  return text.split("\n\n").flatMap((block) => {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
    const data = fields.get("data");
    if (data === undefined) return [];
    const [id, event] = [fields.get("id"), fields.get("event")];
    return [
      { data: JSON.parse(data) as Record<string, unknown>, ...(id && { id: Number(id) }), ...(event && { event }) },
    ];
  });
}

export async function openWebSocket(
  server: TestServer,
  path: string,
  protocols: string[] = ["glovebox.v1", `glovebox.token.${server.root}`],
) {
  const socket = new WebSocket(server.url.replace("http", "ws") + path, protocols);
  socket.binaryType = "arraybuffer";
  const messages: Record<string, unknown>[] = [];
  let output = "";
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const opened = Promise.withResolvers<boolean>();
  let wake = () => {};
  socket.onmessage = ({ data }: { data: string | ArrayBuffer }) => {
    if (typeof data === "string") messages.push(JSON.parse(data) as Record<string, unknown>);
    else output += Buffer.from(data).toString();
    wake();
  };
  socket.onopen = () => opened.resolve(true);
  socket.onerror = () => opened.resolve(false);
  socket.onclose = ({ code, reason }) => {
    closed.resolve({ code, reason });
    wake();
  };
  return {
    socket,
    messages,
    output: () => output,
    opened: opened.promise,
    closed: closed.promise,
    async until(condition: () => boolean) {
      while (!condition()) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 200);
        });
        if (socket.readyState === WebSocket.CLOSED && !condition())
          throw new Error(`closed early: ${JSON.stringify(messages)} ${output}`);
      }
    },
  };
}
