import { Glovebox, type Result } from "@glovebox/sdk";
import { afterAll, beforeAll } from "vitest";
import { RawClient } from "./http.ts";
import { type ServerOptions, startServer, type TestServer } from "./server.ts";

export interface Stage {
  readonly server: TestServer;
  readonly box: Glovebox;
  readonly http: RawClient;
}

/** One server for the tests of a file. Read the stage inside tests only: it is set before the first. */
export function useServer(options: ServerOptions = {}): Stage {
  let stage: Stage | undefined;
  beforeAll(async () => {
    const server = await startServer(options);
    const box = await Glovebox.connect({ url: server.url, token: server.token });
    stage = { server, box, http: new RawClient(server) };
  });
  afterAll(async () => {
    await stage?.server[Symbol.asyncDispose]();
  });
  const current = (): Stage => {
    if (stage === undefined) throw new Error("the server is started before the first test");
    return stage;
  };
  return {
    get server() {
      return current().server;
    },
    get box() {
      return current().box;
    },
    get http() {
      return current().http;
    },
  };
}

/** What a result says of itself in a failed assertion. */
export function outcome(result: Result) {
  const { execution, stdout, stderr, exception } = result;
  return { status: execution.status, exitCode: execution.exitCode, stdout, stderr, exception: exception?.name };
}

export function eventTypes(result: Result): string[] {
  return result.events.map(({ type }) => type);
}
