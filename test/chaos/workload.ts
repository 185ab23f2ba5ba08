import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "./ledger.ts";

export interface ChaosClient {
  readonly url: string;
  readonly token: string;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32's recurrence). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One request. `undefined` when the server was gone before it answered, or refused: then nothing was promised. */
export async function ask<T>(
  { url, token }: ChaosClient,
  method: string,
  path: string,
  body?: unknown,
): Promise<T | undefined> {
  const raw = typeof body === "string";
  try {
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": raw ? "application/octet-stream" : "application/json" }),
      },
      ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    if (response.status === 429 || response.status === 409 || response.status === 503) return undefined;
    if (!response.ok) throw new Refused(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    if (!(response.headers.get("content-type") ?? "").includes("json")) return text as T;
    return JSON.parse(text) as T;
  } catch (error) {
    if (error instanceof Refused) throw error;
    return undefined;
  }
}

class Refused extends Error {}

/** Lines of one program. Some outlive several servers, some end before the first dies. */
const LINES = [20, 60, 150, 300];

/** Python that prints its lines and writes them to a file, a little apart. */
function counting(name: string, lines: number, pause: number): string {
  const loop = `for i in range(${lines}):\n    print('${name}', i, flush=True); f.write(f'{i}\\n'); f.flush(); time.sleep(${pause})`;
  return `import time\nf = open('${name}.log', 'w')\n${loop}\n`;
}

/** Asks the server for all kinds of things at once until it no longer answers; the ledger gets what it acknowledged. */
export async function workUntilKilled(client: ChaosClient, ledger: Ledger, random: () => number): Promise<void> {
  const started = performance.now();
  const alive = async () => (await ask(client, "GET", "health")) !== undefined;
  const worker = async (work: () => Promise<void>) => {
    while (performance.now() - started < 20_000) {
      await work();
      await sleep(5 + random() * 60);
      if (!(await alive())) return;
    }
  };
  const pick = () => ledger.sessions[Math.floor(random() * ledger.sessions.length)];
  await Promise.all([
    worker(async () => {
      if (ledger.sessions.length < 3 || (ledger.sessions.length < 4 && random() < 0.1))
        await ledger.openSession(client);
      else if (ledger.sessions.length > 3 && random() < 0.1)
        await ledger.closeSession(client, ledger.sessions[0] ?? "");
      else await sleep(100);
    }),
    worker(async () => {
      const session = pick();
      if (session === undefined || ledger.unsettled > 6) return sleep(50).then(() => {});
      const lines = LINES[Math.floor(random() * LINES.length)] ?? 20;
      const name = ledger.nextName();
      const code = counting(name, lines, 0.004);
      if (random() < 0.6) {
        await ledger.start(
          client,
          session,
          { name, lines },
          { kind: "command", background: true, argv: ["python3", "-c", code] },
        );
      } else {
        await ledger.start(client, session, { name, lines }, { kind: "repl", onBusy: "queue", input: code });
      }
    }),
    worker(async () => {
      const session = pick();
      if (session !== undefined) await ledger.writeFile(client, session);
    }),
    worker(async () => {
      await ledger.makeToken(client);
      const session = pick();
      if (session !== undefined) await ledger.runAndKeep(client, session);
    }),
  ]);
}
