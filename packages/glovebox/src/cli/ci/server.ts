import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Glovebox } from "@glovebox/sdk";
import { findServer, type GlobalFlags } from "../connect.ts";
import { whenKilled } from "../run/interrupt.ts";
import { answers } from "../run/server-run.ts";

/** A server to run workflows on, and whether it is there for this command only. */
export interface CiServer extends AsyncDisposable {
  readonly box: Glovebox;
  readonly isOwn: boolean;
}

/** The server that the user names or that runs here; else one in this process, on a folder that is removed after it. */
export async function openCiServer(flags: GlobalFlags): Promise<CiServer> {
  const { Glovebox } = await import("@glovebox/sdk");
  const found = findServer(flags);
  if (found !== undefined && (found.origin === "named" || (await answers(found)))) {
    const box = new Glovebox({ url: found.url, token: found.token });
    return { box, isOwn: false, [Symbol.asyncDispose]: async () => {} };
  }
  const [{ startApp }, { loadConfig }] = await Promise.all([import("../../app.ts"), import("../../config/index.ts")]);
  const dataDir = mkdtempSync(join(tmpdir(), "glovebox-ci-"));
  const tidy = () => rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  const killed = whenKilled(tidy);
  try {
    const logLevel = process.env.GLOVEBOX_LOG_LEVEL ?? "error";
    const app = await startApp(
      loadConfig({ flags: { host: "127.0.0.1", port: 0, dataDir, logLevel, "sandbox.warmWorkers": 0 } }),
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
