import { GloveboxError } from "../../core/index.ts";
import type { FileChange, FileStat, SandboxFiles } from "../files.ts";
import { type AppletStarter, appletLines, appletOutput, runApplet } from "./applet.ts";
import { parseFileChange, parseFileStat, parseUnpacked } from "./file-lines.ts";
import { encodePath } from "./path-bytes.ts";

interface Within {
  readonly within?: "workspace";
}

const confined = (options: Within | undefined) => (options?.within === "workspace" ? "w" : "");

function byteCount(value: number | undefined, name: string, absent: string): string {
  if (value === undefined) return absent;
  if (!Number.isSafeInteger(value) || value < 0) throw new GloveboxError("invalid_argument", `${name} is not a count`);
  return String(value);
}

/** The sandbox's files, by way of the agent's applets. Paths that are not UTF-8 hold lone surrogates: `path-bytes.ts`. */
export class AgentFiles implements SandboxFiles {
  private readonly agent: AppletStarter;

  constructor(agent: AppletStarter) {
    this.agent = agent;
  }

  async *read(path: string, options: Parameters<SandboxFiles["read"]>[1] = {}): AsyncIterable<Uint8Array> {
    const offset = byteCount(options.offset, "offset", "0");
    const limit = byteCount(options.limit, "limit", "-1");
    const argv = ["read", confined(options), offset, limit, encodePath(path)] as const;
    yield* runApplet(this.agent, { argv, signal: options.signal });
  }

  async write(
    path: string,
    data: Uint8Array | AsyncIterable<Uint8Array>,
    options: Parameters<SandboxFiles["write"]>[2] = {},
  ): Promise<{ readonly size: number }> {
    const flags = `${confined(options)}${options.append === true ? "a" : ""}${options.parents === true ? "p" : ""}`;
    const mode = options.mode === undefined ? "-" : (options.mode & 0o7777).toString(8);
    const argv = ["write", flags, mode, encodePath(path)] as const;
    const text = await appletOutput(this.agent, { argv, input: data, signal: options.signal });
    const size = Number.parseInt(text, 10);
    if (!Number.isSafeInteger(size) || size < 0) throw new GloveboxError("internal", "the sandbox gave no size");
    return { size };
  }

  async *list(path: string, options: Parameters<SandboxFiles["list"]>[1] = {}): AsyncIterable<FileStat> {
    const limit = byteCount(options.limit, "limit", "-1");
    const argv = ["list", options.recursive === true ? "r" : "", limit, encodePath(path)] as const;
    let count = 0;
    for await (const line of appletLines(this.agent, { argv, signal: options.signal })) {
      count += 1;
      if (options.limit !== undefined && count > options.limit) throw new GloveboxError("internal", "too many entries");
      yield parseFileStat(line);
    }
  }

  async stat(path: string, options: Parameters<SandboxFiles["stat"]>[1] = {}): Promise<FileStat> {
    const argv = ["stat", confined(options), encodePath(path)] as const;
    for await (const line of appletLines(this.agent, { argv, signal: options.signal })) {
      return { ...parseFileStat(line), path };
    }
    throw new GloveboxError("internal", "the sandbox gave no answer");
  }

  async mkdir(path: string, options: Parameters<SandboxFiles["mkdir"]>[1] = {}): Promise<void> {
    const argv = ["mkdir", options.parents === true ? "p" : "", encodePath(path)] as const;
    await appletOutput(this.agent, { argv, signal: options.signal });
  }

  async rename(from: string, to: string, signal?: AbortSignal): Promise<void> {
    await appletOutput(this.agent, { argv: ["rename", encodePath(from), encodePath(to)], signal });
  }

  async remove(path: string, options: Parameters<SandboxFiles["remove"]>[1] = {}): Promise<void> {
    const argv = ["remove", options.recursive === true ? "r" : "", encodePath(path)] as const;
    await appletOutput(this.agent, { argv, signal: options.signal });
  }

  async *watch(path: string, options: Parameters<SandboxFiles["watch"]>[1] = {}): AsyncIterable<FileChange> {
    const argv = ["watch", options.recursive === true ? "r" : "", encodePath(path)] as const;
    for await (const line of appletLines(this.agent, { argv, listening: true, signal: options.signal })) {
      const change = parseFileChange(line);
      if (change !== undefined) yield change;
    }
  }

  async *pack(path: string, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    yield* runApplet(this.agent, { argv: ["pack", encodePath(path)], signal });
  }

  async unpack(
    path: string,
    tar: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<{ readonly files: number; readonly bytes: number }> {
    return parseUnpacked(await appletOutput(this.agent, { argv: ["unpack", encodePath(path)], input: tar, signal }));
  }
}
