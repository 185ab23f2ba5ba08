import { createHmac } from "node:crypto";
import { GloveboxError } from "../../core/index.ts";
import type { Hook, HookAnswer, HookContext, HookPoint, HookSubjects } from "./hook.ts";

/** Bytes of an endpoint's answer. */
const MAX_ANSWER_BYTES = 8 * 1_048_576;

export interface HttpHookOptions {
  readonly url: string;
  /** The key of the signature. */
  readonly secret: string;
  readonly points: readonly HookPoint[];
  readonly timeoutMs?: number;
}

/**
 * Hooks that ask an endpoint. It gets `POST {point, subject, context}` as JSON, with `x-glovebox-timestamp` (seconds since the epoch) and `x-glovebox-signature`:
 * `sha256=` and the hex HMAC-SHA-256 of `<timestamp>.<body>`; it answers 200 with a hook's answer as JSON. Anything else blocks.
 */
export function httpHooks(options: HttpHookOptions): Hook[] {
  const { points, timeoutMs } = options;
  return points.map((point) => ({
    name: `http ${new URL(options.url).host}`,
    point,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    run: (subject, context) => askEndpoint(options, point, subject, context),
  }));
}

async function askEndpoint<P extends HookPoint>(
  { url, secret }: HttpHookOptions,
  point: P,
  subject: HookSubjects[HookPoint],
  { signal, ...context }: HookContext,
): Promise<HookAnswer<P>> {
  const body = JSON.stringify({ point, subject, context });
  const timestamp = String(Math.floor(Date.now() / 1_000));
  const response = await fetch(url, {
    method: "POST",
    body,
    signal,
    redirect: "error",
    headers: {
      "content-type": "application/json",
      "x-glovebox-timestamp": timestamp,
      "x-glovebox-signature": signatureOf(secret, timestamp, body),
    },
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new GloveboxError("unavailable", `the endpoint answered ${response.status}`);
  }
  return JSON.parse(await boundedText(response)) as HookAnswer<P>;
}

export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
}

async function boundedText({ body }: Response): Promise<string> {
  if (body === null) return "";
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new GloveboxError("payload_too_large", "the endpoint's answer does not end");
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}
