import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Glovebox } from "@glovebox/sdk";
import { findServer, type GlobalFlags } from "./connect.ts";
import { whenKilled } from "./run/interrupt.ts";
import { answers } from "./run/server-run.ts";

/** A server to work on, and whether it is there for this command only. */
export interface CommandServer extends AsyncDisposable {
  readonly box: Glovebox;
  readonly isOwn: boolean;
}

/** `name`: of the folder, where one is made; `settings`: of a server that is made. The server that the user names or that runs here; else one in this process, on a folder that is removed after it. */
export async function openServer(
  flags: GlobalFlags,
  { name, settings = {} }: { readonly name: string; readonly settings?: Readonly<Record<string, unknown>> },
): Promise<CommandServer> {
  const { Glovebox } = await import("@glovebox/sdk");
  const found = findServer(flags);
  if (found !== undefined && (found.origin === "named" || (await answers(found)))) {
    const box = new Glovebox({ url: found.url, token: found.token });
    return { box, isOwn: false, [Symbol.asyncDispose]: async () => {} };
  }
  const [{ startApp }, { loadConfig }] = await Promise.all([import("../app.ts"), import("../config/index.ts")]);
  const dataDir = mkdtempSync(join(tmpdir(), `glovebox-${name}-`));
  const tidy = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  const killed = whenKilled(tidy);
  try {
    const logLevel = process.env.GLOVEBOX_LOG_LEVEL ?? "error";
    const app = await startApp(
      loadConfig({ flags: { host: "127.0.0.1", port: 0, dataDir, logLevel, "sandbox.warmWorkers": 0, ...settings } }),
    );
    return {
      box: new Glovebox({ url: app.url, token: app.localToken }),
      isOwn: true,
      async [Symbol.asyncDispose]() {
        await app.close();
        tidy();
        killed[Symbol.dispose]();
      },
    };
  } catch (error) {
    tidy();
    killed[Symbol.dispose]();
    throw error;
  }
}
