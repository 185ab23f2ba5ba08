import type { Command } from "commander";
import type { App } from "../../app.ts";
import type { GlobalFlags } from "../connect.ts";
import { coloursFor } from "../render/colours.ts";
import { flagsOf, integer } from "./options.ts";

interface UpFlags extends GlobalFlags {
  readonly host?: string;
  readonly port?: number;
  readonly config?: string;
}

export function addUp(program: Command): void {
  upOptions(program.command("up").description("Start the server; it runs until Ctrl-C or SIGTERM")).action(
    async (_options, command: Command) => startUp(command),
  );
}

export function upOptions(command: Command): Command {
  return command
    .option("--host <address>", "address to listen on (default 127.0.0.1)")
    .option("--port <n>", "port to listen on (default 7070); 0 takes a free one", integer(0, 65_535))
    .option("--config <file>", "the configuration file (default glovebox.yaml, if there is one)");
}

/** Runs the server until it is told to end. `hooks`: paths that are shown as where webhooks go. */
export async function startUp(command: Command, hooks: readonly string[] = []): Promise<void> {
  const flags = flagsOf<UpFlags>(command);
  // Before the work of starting, so that an early Ctrl-C closes what was opened.
  const stop = stopSignal();
  const app = await start(flags);
  const { removeServerFile, writeServerFile } = await import("../server-file.ts");
  try {
    writeServerFile(app.dataDir, { url: app.url, pid: app.pid, token: app.localToken });
    announce(app, { json: flags.json === true, hooks });
    await stop;
  } finally {
    removeServerFile(app.dataDir);
    await app.close();
  }
}

async function start(flags: UpFlags): Promise<App> {
  const [{ startApp }, { loadConfig }] = await Promise.all([import("../../app.ts"), import("../../config/index.ts")]);
  const { host, port, data: dataDir } = flags;
  const loaded = loadConfig({ file: flags.config, flags: { host, port, dataDir } });
  const rootToken = flags.token ?? process.env.GLOVEBOX_TOKEN;
  const secretsKey = process.env.GLOVEBOX_SECRETS_KEY;
  // What we start inherits our environment.
  delete process.env.GLOVEBOX_SECRETS_KEY;
  try {
    return await startApp(loaded, { ...(rootToken && { rootToken }), ...(secretsKey && { secretsKey }) });
  } catch (error) {
    throw await unavailableWhenTaken(error);
  }
}

/** A port that is taken is no clash of requests but a server that cannot be had. */
async function unavailableWhenTaken(error: unknown): Promise<unknown> {
  const { GloveboxError, isGloveboxError } = await import("../../core/index.ts");
  if (!isGloveboxError(error, "conflict")) return error;
  const details = { hint: "another port with --port, or --port 0 for a free one" };
  return new GloveboxError("unavailable", error.message, { details, cause: error });
}

function announce(app: App, { json, hooks }: { readonly json: boolean; readonly hooks: readonly string[] }): void {
  const { url, pid, dataDir } = app;
  const token = app.rootToken ?? app.localToken;
  if (json) {
    process.stdout.write(`${JSON.stringify({ url, token, pid, dataDir })}\n`);
    return;
  }
  const { bold, cyan, dim, green } = coloursFor(process.stdout);
  const lines = [`${green("●")} ${bold("Glovebox")} answers at ${cyan(url)}`, `  data   ${dataDir}`];
  if (app.rootToken !== undefined)
    lines.push(`  token  ${bold(app.rootToken)}  ${dim("(the root token: shown this once)")}`);
  if (app.url.startsWith("http")) lines.push(`  docs   ${url}/docs`);
  for (const path of hooks) lines.push(`  hooks  ${app.url}/${path}`);
  lines.push(dim("  Commands on this machine find it by themselves: glovebox session create. Ctrl-C stops it."));
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** Resolves at the first SIGINT or SIGTERM; the second ends this process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve();
      });
    }
  });
}
