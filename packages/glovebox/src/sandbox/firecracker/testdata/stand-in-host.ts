import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Image, Images } from "../../images/index.ts";
import { buildTestAgent } from "../../agent/testing.ts";
import { defaultNativeDir, nativeTools } from "../../native/index.ts";
import { FirecrackerDriver } from "../driver.ts";
import type { FirecrackerHost } from "../prepare-host.ts";
import { loadDescription } from "./load-description.ts";
import type { Recorded } from "./stand-in-api.ts";

const PARTS = ["kernel", "initramfs", "tools", "rootfs"] as const;

/** A host where what stands in for Firecracker and its jailer is installed, and files stand in for what guests are made from. */
export interface StandInHost extends AsyncDisposable {
  readonly folder: string;
  readonly runDir: string;
  /** Another driver on the same folders, as after a restart of the server. */
  open(): FirecrackerDriver;
  /** What was asked of all machines so far, in order. */
  requests(): Promise<readonly (Recorded & { readonly id: string })[]>;
  /** Of what machines must be made, as a snapshot of one remembers it. */
  readonly compatibility: Record<string, string>;
}

export async function standInHost(): Promise<StandInHost> {
  const folder = await mkdtemp(join(tmpdir(), "glovebox-firecracker-"));
  await chmod(folder, 0o711);
  const runDir = join(folder, "run");
  const guests = join(folder, "guests");
  await mkdir(guests);
  await chmod(guests, 0o711);
  const log = join(guests, "requests");
  await writeFile(log, "");
  await chmod(log, 0o666);
  // Parsed once, and not by every machine.
  await writeFile(join(guests, "description"), JSON.stringify(loadDescription()));
  for (const name of PARTS) await writeFile(join(folder, name), name);
  const firecracker = join(folder, "firecracker");
  await writeFile(firecracker, "");
  const jailer = await writeJailer(folder, guests);
  const supervisor = (await nativeTools(defaultNativeDir())).supervisor;
  const compatibility: Record<string, string> = { firecracker: "stand-in", kernel: "none" };
  const host: FirecrackerHost = {
    jailer,
    firecracker,
    version: "stand-in",
    kernel: join(folder, "kernel"),
    kernelVersion: "none",
    initramfs: join(folder, "initramfs"),
    tools: join(folder, "tools"),
    launch: () => ({ binary: supervisor, listenFd: 10, options: ["--follow", "heir"] }),
    compatibility,
  };
  const images = imagesOf(join(folder, "rootfs"));
  const cacheDir = join(folder, "cache");
  return {
    folder,
    runDir,
    compatibility,
    open: () => new FirecrackerDriver({ runDir, cacheDir, images }, async () => host),
    requests: async () =>
      (await readFile(log, "utf8"))
        .trim()
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function writeJailer(folder: string, guests: string): Promise<string> {
  const path = join(folder, "jailer");
  const program = join(import.meta.dirname, "stand-in-jailer.ts");
  const settings = `STAND_IN_AGENT='${await buildTestAgent()}' STAND_IN_FOLDER='${guests}'`;
  const text = `#!/bin/sh\n${settings} PATH=/usr/bin:/bin exec '${process.execPath}' '${program}' "$@"\n`;
  await writeFile(path, text, { mode: 0o755 });
  return path;
}

function imagesOf(rootfs: string): Images {
  const image: Image = {
    name: "base",
    id: "0".repeat(64),
    rootfs,
    languages: ["python", "bash"],
    sizeBytes: 6,
    origin: "definition",
    description: "",
    createdAt: "2026-01-01T00:00:00Z",
  };
  const ensure = async () => image;
  return { ensure } as Pick<Images, "ensure"> as Images;
}
