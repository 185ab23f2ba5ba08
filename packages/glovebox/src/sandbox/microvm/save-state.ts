import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { GloveboxError } from "../../core/index.ts";
import { VM_PATHS } from "./machine.ts";
import { migrated } from "./migrated.ts";
import type { Qmp } from "./qmp.ts";

/** How long QEMU may take to send it, milliseconds. */
const TAKE_MS = 60_000;

/**
 * Writes a stopped machine into the file `path`, by way of its folder `io` on the host: all of it, or with `memoryApart` without the memory, which has a file of its own. `most`
 * bounds what is taken from QEMU, bytes. Errors: `unavailable`, `internal`, and those of the file system (`ENOSPC`).
 */
export async function saveState(
  qmp: Qmp,
  io: string,
  path: string,
  options: { readonly memoryApart: boolean; readonly most: number },
): Promise<void> {
  // A name that no other machine with this folder can know.
  const name = `${randomBytes(16).toString("hex")}.sock`;
  const socketPath = join(io, name);
  const server = createServer();
  const stop = new AbortController();
  const taken = takeOne(server, path, options.most, AbortSignal.any([stop.signal, AbortSignal.timeout(TAKE_MS)]));
  taken.catch(() => {});
  try {
    await listen(server, io, name);
    await chmod(socketPath, 0o666);
    await qmp.run("migrate-set-capabilities", {
      capabilities: [{ capability: "x-ignore-shared", state: options.memoryApart }],
    });
    // As fast as the socket takes it: there is no network to spare.
    await qmp.run("migrate-set-parameters", { "max-bandwidth": 2 ** 34 });
    await qmp.run("migrate", { uri: `unix:${VM_PATHS.io}/${name}` });
    await Promise.all([taken, migrated(qmp)]);
  } finally {
    stop.abort();
    server.close();
    await rm(socketPath, { force: true });
  }
}

/** By a path relative to the folder where the whole would be too long for a socket's name. */
async function listen(server: Server, folder: string, name: string): Promise<void> {
  const { open } = await import("node:fs/promises");
  await using handle = await open(folder, "r");
  const whole = join(folder, name);
  const path = Buffer.byteLength(whole) <= 107 ? whole : `/proc/self/fd/${handle.fd}/${name}`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function takeOne(server: Server, path: string, most: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("close", () => reject(new GloveboxError("unavailable", "QEMU sent no state")));
    server.once("connection", (socket: Socket) => {
      let taken = 0;
      const bound = async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          taken += chunk.length;
          if (taken > most) throw new GloveboxError("internal", "QEMU sends more state than a machine can have");
          yield chunk;
        }
      };
      const file = createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: 1 << 20 });
      pipeline(socket, bound, file, { signal }).then(resolve, reject);
    });
  });
}
