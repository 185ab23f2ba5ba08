import { posix } from "node:path";
import type { QuickJSContext, QuickJSHandle } from "quickjs-emscripten";
import type { KernelOptions } from "../../driver.ts";
import type { HostAnswer } from "../messages.ts";
import {
  candidates,
  DEFAULT_RESOLVER,
  GuestError,
  inWorkspace,
  notOffered,
  type Resolver,
  WORKSPACE,
} from "./resolve.ts";
import { stripTypes } from "./typescript.ts";

export interface Found {
  readonly kind: "module" | "json" | "file";
  /** The module's name, or the file's path; a file whose text has changed since it was loaded gets a new name. */
  readonly path: string;
}

const FAILED = "not found: ";

type Ask = (name: string, input: string) => HostAnswer;

/** Finds and reads modules. Nothing is read but through the companion sandbox, which the server asks. */
export class Modules {
  readonly #ask: Ask;
  #resolver: Resolver = DEFAULT_RESOLVER;
  #offered: ReadonlyMap<string, readonly string[]> = new Map();
  #cwd = WORKSPACE;
  /** By name of the module: what the engine was, or will be, given. */
  readonly #sources = new Map<string, string>();
  readonly #latest = new Map<string, { readonly name: string; readonly source: string }>();
  #foundNow = new Map<string, Found>();
  #failures = new Map<string, Error>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** `offered`: the host modules of the session and what each exports. */
  setup(options: KernelOptions, offered: ReadonlyMap<string, readonly string[]>): void {
    this.#resolver = options.resolver ?? DEFAULT_RESOLVER;
    this.#offered = offered;
  }

  /** A new execution: files are looked at again. */
  begin(cwd: string): void {
    this.#cwd = cwd.startsWith("/") ? cwd : posix.join(WORKSPACE, cwd);
    this.#foundNow = new Map();
    this.#failures = new Map();
  }

  find(from: string, name: string): Found {
    const bare = name.startsWith("node:") ? name.slice(5) : name;
    if (this.#offered.has(bare)) return { kind: "module", path: bare };
    const folder = from === "" ? this.#cwd : posix.dirname(from.endsWith("/") ? `${from}x` : from);
    const key = `${folder}\0${name}`;
    const known = this.#foundNow.get(key);
    if (known) return known;
    const found = this.#search(candidates(folder, name, this.#resolver), name);
    this.#foundNow.set(key, found);
    return found;
  }

  /** The file of an execution. Gives its name and its JavaScript. */
  entry(path: string): { readonly path: string; readonly source: string } {
    const absolute = path.startsWith("/") ? path : posix.join(this.#cwd, path);
    const found = this.#load([inWorkspace(absolute, path)]);
    return { path: found.path, source: this.text(found.path) };
  }

  text(path: string): string {
    const source = this.#sources.get(path);
    if (source === undefined) throw new GuestError("not_found", `not a module that was found: ${path.slice(0, 200)}`);
    return source;
  }

  /**
   * The name by which the engine is to know an imported module. One that is not found has a name too, because the
   * engine's loader can fail properly and its resolver cannot.
   */
  resolve(from: string, name: string): string {
    try {
      return this.find(from, name).path;
    } catch (error) {
      const failed = `${FAILED}${name}`;
      this.#failures.set(failed, error instanceof Error ? error : new Error("the module cannot be found"));
      return failed;
    }
  }

  /** The source of an ES module for the engine's loader. */
  esm(name: string): string {
    const failure = this.#failures.get(name);
    if (failure) throw failure;
    const exported = this.#offered.get(name);
    if (!exported) return name.endsWith(".json") ? `export default ${this.text(name)};` : this.text(name);
    const names = exported.map((item) => `export const ${item} = m.${item};`).join("\n");
    return `const m = require(${JSON.stringify(name)});\nexport default m;\n${names}`;
  }

  /** A CommonJS function of a file found before. */
  compile(context: QuickJSContext, path: string): QuickJSHandle {
    const source = `(function (exports, require, module, __filename, __dirname) {${this.text(path)}\n})`;
    const result = context.evalCode(source, path);
    if (result.error) {
      // Thrown on as it is: the guest sees its own error, with its line.
      throw result.error;
    }
    return result.value;
  }

  /** A bare name that no file of the workspace has is a module that is not offered. */
  #search(paths: readonly string[], asked: string): Found {
    try {
      return this.#load(paths);
    } catch (error) {
      const missing = error instanceof GuestError && /^(not_found|isolation_unavailable)$/.test(error.name);
      throw missing && !/^[./]/.test(asked) ? notOffered(asked) : error;
    }
  }

  #load(paths: readonly string[]): Found {
    const answer = this.#ask("load", JSON.stringify(paths));
    if (!answer.ok) throw new GuestError(answer.code, answer.message);
    const path = JSON.parse(answer.json ?? '""') as string;
    const raw = Buffer.from(answer.bytes ?? new Uint8Array()).toString("utf8");
    return { kind: path.endsWith(".json") ? "json" : "file", path: this.#remember(path, raw) };
  }

  #remember(path: string, raw: string): string {
    const latest = this.#latest.get(path);
    if (latest?.source === raw) return latest.name;
    const extension = posix.extname(path);
    // The engine keeps modules by name: what has changed needs a new one.
    const name = latest ? `${path.slice(0, -extension.length || undefined)}?${this.#sources.size}${extension}` : path;
    this.#sources.set(name, /^\.[cm]?tsx?$/.test(extension) ? stripTypes(raw) : raw);
    this.#latest.set(path, { name, source: raw });
    return name;
  }
}
