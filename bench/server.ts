import { glovebox, startServer, type TestServer } from "../test/support/server.ts";
import { KeepAlive } from "./keep-alive.ts";

export { glovebox };

export interface BenchServer extends AsyncDisposable {
  readonly server: TestServer;
  readonly client: KeepAlive;
}

/** A server over an empty data folder, and one kept-alive connection to it. */
export async function openServer(env: NodeJS.ProcessEnv = {}): Promise<BenchServer> {
  const server = await startServer({ env: { GLOVEBOX_LOG_LEVEL: "warn", ...env } });
  const client = new KeepAlive(server.url, server.token);
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

interface Created {
  readonly id: string;
}

interface Done {
  readonly execution: { readonly status: string };
  readonly events: readonly { readonly type: string }[];
}

export async function createSession(client: KeepAlive, body: Record<string, unknown>): Promise<string> {
  return (await client.send<Created>("POST", "/v1/sessions", body)).id;
}

export async function deleteSession(client: KeepAlive, id: string): Promise<void> {
  await client.send("DELETE", `/v1/sessions/${id}`);
}

/** Runs REPL input and fails unless it ended well: a benchmark of errors would be fast and worthless. */
export async function runRepl(
  client: KeepAlive,
  session: string,
  language: string,
  input: string,
  extra = {},
): Promise<Done> {
  const body = { kind: "repl", language, input, wait: true, ...extra };
  const done = await client.send<Done>("POST", `/v1/sessions/${session}/executions`, body);
  if (done.execution.status !== "ok") throw new Error(`'${input}' ended as ${JSON.stringify(done).slice(0, 600)}`);
  return done;
}
