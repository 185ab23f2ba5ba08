import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { GloveboxError } from "../../core/index.ts";
import type { Packages } from "./pins.ts";

const run = promisify(execFile);
const PATIENCE_MS = 20_000;

/** A registry and every host that an installer must reach for it, as rules of an allow-list. */
export interface Registry {
  readonly url: string;
  readonly allow: readonly string[];
}

/** Where packages come from. */
export interface Registries {
  readonly node?: Registry;
  readonly python?: Registry;
  /** Debian's sources in one text, as in sources.list, the keys they are signed with by file name, and the list of what is installed. */
  readonly apt?: {
    readonly sources: string;
    readonly keys: Readonly<Record<string, Buffer>>;
    readonly status: Buffer;
    readonly allow: readonly string[];
  };
}

/** What the operator set; the rest is what this machine's own installers use. */
export interface RegistrySettings {
  readonly node?: string;
  readonly python?: string;
  /** Hosts besides the index's from which wheels are fetched. */
  readonly pythonFiles?: readonly string[];
  /** A text like sources.list. */
  readonly apt?: string;
}

/** Finds the registries that the packages need. Errors: `unavailable` when this machine has no installer that could tell. */
export async function findRegistries(packages: Packages, settings: RegistrySettings): Promise<Registries> {
  return {
    ...(packages.node.length > 0 && { node: await nodeRegistry(settings) }),
    ...(packages.python.length > 0 && { python: await pythonRegistry(settings) }),
    ...(packages.apt.length > 0 && { apt: await aptSources(settings) }),
  };
}

async function nodeRegistry({ node }: RegistrySettings): Promise<Registry> {
  const url = node ?? (await ask("npm", ["config", "get", "registry"]));
  return { url, allow: [ruleFor(url)] };
}

/** pip says what its built-in index is and where that keeps the files. */
const PIP_DEFAULT = "from pip._internal.models.index import PyPI; print(PyPI.simple_url, PyPI.file_storage_domain)";

async function pythonRegistry({ python, pythonFiles = [] }: RegistrySettings): Promise<Registry> {
  if (python !== undefined) return { url: python, allow: [ruleFor(python), ...pythonFiles] };
  const set = await ask("python3", ["-m", "pip", "config", "get", "global.index-url"]).catch(() => "");
  if (set !== "") return { url: set, allow: [ruleFor(set), ...pythonFiles] };
  const [url = "", files = ""] = (await ask("python3", ["-c", PIP_DEFAULT])).split(" ");
  return { url, allow: [ruleFor(url), ...pythonFiles, ...(files === "" ? [] : [files])] };
}

async function aptSources({ apt }: RegistrySettings): Promise<NonNullable<Registries["apt"]>> {
  const sources = apt ?? (await readSources("/etc/apt"));
  const addresses = sources.match(/https?:\/\/[^\s\]]+/g) ?? [];
  if (addresses.length === 0) throw missing("apt", "this machine names no source of Debian packages");
  const status = await readFile("/var/lib/dpkg/status").catch(() => Buffer.alloc(0));
  return {
    sources,
    keys: await readKeys("/etc/apt/trusted.gpg.d"),
    status,
    allow: [...new Set(addresses.map(ruleFor))],
  };
}

/** One-line sources; those in deb822 form are turned into them. */
async function readSources(folder: string): Promise<string> {
  const names = await readdir(join(folder, "sources.list.d")).catch(() => []);
  const files = [join(folder, "sources.list"), ...names.map((name) => join(folder, "sources.list.d", name))];
  const texts = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, "utf8").catch(() => "");
      return file.endsWith(".sources") ? oneLineForm(text) : file.endsWith(".list") ? text : "";
    }),
  );
  return texts.join("\n");
}

/** Source: sources.list(5), "deb822-style format". */
export function oneLineForm(text: string): string {
  const stanzas = text.split(/\n\s*\n/).map((stanza) => {
    const fields = new Map<string, string>();
    for (const line of stanza.split("\n").filter((one) => !one.startsWith("#"))) {
      const [, name = "", value = ""] = /^([A-Za-z-]+):\s*(.*)$/.exec(line) ?? [];
      if (name !== "") fields.set(name.toLowerCase(), value.trim());
    }
    return fields;
  });
  return stanzas
    .filter((fields) => fields.has("uris") && fields.get("enabled") !== "no")
    .flatMap((fields) => {
      const words = (name: string) => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
      const signed = words("signed-by")[0];
      const option = signed?.startsWith("/") ? `[signed-by=${signed}] ` : "";
      return words("uris").flatMap((uri) =>
        words("suites").map((suite) => `deb ${option}${uri} ${suite} ${words("components").join(" ")}`),
      );
    })
    .join("\n");
}

async function readKeys(folder: string): Promise<Record<string, Buffer>> {
  const names = await readdir(folder).catch(() => []);
  const keys = names.filter((name) => /\.(?:gpg|asc)$/.test(name));
  return Object.fromEntries(
    await Promise.all(keys.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

function ruleFor(address: string): string {
  const { hostname, port } = new URL(address);
  return port === "" ? hostname : `${hostname}:${port}`;
}

/** Away from any project, whose settings are not the machine's. */
async function ask(program: string, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(program, [...args], { cwd: tmpdir(), timeout: PATIENCE_MS, encoding: "utf8" });
    return stdout.trim();
  } catch (error) {
    throw missing(program, error instanceof Error ? error.message : String(error));
  }
}

function missing(what: string, why: string): GloveboxError {
  return new GloveboxError("unavailable", `where packages come from could not be found out: ${what}: ${why}`);
}
