import { GloveboxError } from "../../core/index.ts";
import { LIMITS } from "../messages/limits.ts";
import { isRepositoryPath } from "./repository-tree.ts";

/** Lines with what ends them, so that a last line without an end is another one. */
export interface Hunk {
  /** From 1; where there are no old lines, the line after which the new ones come. */
  readonly oldStart: number;
  readonly old: readonly string[];
  readonly fresh: readonly string[];
}

/** What a diff does to one file. */
export interface FilePatch {
  readonly path: string;
  readonly kind: "create" | "modify" | "delete";
  readonly hunks: readonly Hunk[];
  readonly mode?: "100644" | "100755";
}

const HUNK = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@/;
const MAX_HUNKS = 10_000;

/**
 * Reads a unified diff that anybody may have written; text before its first file is passed over. `recount`: the numbers of lines that hunks name are not relied on,
 * for models, which count badly. Errors: `invalid_argument` (path `diff`, with the line) for what cannot be read, for renames, links and binary files,
 * `invalid_path` for names that no file of a repository can have, `payload_too_large`.
 */
export function parseDiff(text: string, { recount = false } = {}): readonly FilePatch[] {
  if (text.length > LIMITS.contentChars) throw tooLarge(`${LIMITS.contentChars} characters`);
  const reader = new DiffReader(text, recount);
  const patches = reader.read();
  const paths = new Set<string>();
  for (const { path } of patches) {
    if (paths.has(path)) throw bad(`${path} is in the diff twice`);
    paths.add(path);
  }
  return patches;
}

class DiffReader {
  readonly #lines: readonly string[];
  readonly #recount: boolean;
  #at = 0;
  #hunks = 0;

  constructor(text: string, recount: boolean) {
    const lines = text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.#lines = lines;
    this.#recount = recount;
  }

  read(): readonly FilePatch[] {
    const patches: FilePatch[] = [];
    while (this.#at < this.#lines.length) {
      if (this.#line().startsWith("diff --git ")) patches.push(this.#gitFile());
      else if (this.#isPlainHeader(this.#at)) patches.push(this.#plainFile());
      else if (HUNK.test(this.#line())) throw this.#bad("lines of no file");
      else this.#at += 1;
      if (patches.length > LIMITS.files) throw tooLarge(`${LIMITS.files} files`);
    }
    return patches;
  }

  #line(at = this.#at): string {
    return this.#lines[at] ?? "";
  }

  #isPlainHeader(at: number): boolean {
    return this.#line(at).startsWith("--- ") && this.#line(at + 1).startsWith("+++ ");
  }

  #isNextFile(at: number): boolean {
    return this.#line(at).startsWith("diff --git ") || this.#isPlainHeader(at);
  }

  #gitFile(): FilePatch {
    const named = this.#line().slice("diff --git ".length);
    let mode: FilePatch["mode"];
    let kind: FilePatch["kind"] = "modify";
    this.#at += 1;
    for (; this.#at < this.#lines.length && !this.#isNextFile(this.#at) && !HUNK.test(this.#line()); this.#at += 1) {
      const line = this.#line();
      const [, word = "", digits = ""] =
        /^(new file mode|new mode|deleted file mode|old mode) (\d{6})$/.exec(line) ?? [];
      if (word !== "" && digits !== "100644" && digits !== "100755") throw this.#bad("neither links nor submodules");
      if (word.startsWith("new")) mode = digits as "100644" | "100755";
      if (word === "new file mode") kind = "create";
      if (word === "deleted file mode") kind = "delete";
      if (/^(rename|copy) (from|to) /.test(line))
        throw this.#bad("no renames and copies: a deletion and a new file do the same");
      if (/^(Binary files |GIT binary patch)/.test(line)) throw this.#bad("no binary files");
    }
    if (this.#isPlainHeader(this.#at)) {
      const plain = this.#plainFile();
      if (kind !== "modify" && plain.kind !== kind)
        throw this.#bad("a file that is named by its head and lines otherwise");
      return { ...plain, ...(mode !== undefined && kind !== "delete" && { mode }) };
    }
    if (HUNK.test(this.#line())) throw this.#bad("lines of no file");
    const path = bothNames(named);
    if (path === undefined) throw this.#bad("a name that cannot be read");
    return { path: checked(path), kind, hunks: [], ...(mode !== undefined && kind !== "delete" && { mode }) };
  }

  #plainFile(): FilePatch {
    const before = nameOf(this.#line().slice(4));
    const after = nameOf(this.#line(this.#at + 1).slice(4));
    this.#at += 2;
    const kind = before === undefined ? "create" : after === undefined ? "delete" : "modify";
    const [old, fresh] = withoutPrefixes(before, after);
    if (old !== undefined && fresh !== undefined && old !== fresh) throw this.#bad("no renames");
    const path = fresh ?? old;
    if (path === undefined) throw this.#bad("a file without a name");
    const hunks: Hunk[] = [];
    while (HUNK.test(this.#line())) hunks.push(this.#hunk());
    if (hunks.length === 0) throw this.#bad("a file without changed lines");
    return { path: checked(path), kind, hunks };
  }

  #hunk(): Hunk {
    this.#hunks += 1;
    if (this.#hunks > MAX_HUNKS) throw tooLarge(`${MAX_HUNKS} pieces`);
    const [, start = "0", oldCount = "1", , newCount = "1"] = HUNK.exec(this.#line()) ?? [];
    const old: string[] = [];
    const fresh: string[] = [];
    const isWhole = () => !this.#recount && old.length >= Number(oldCount) && fresh.length >= Number(newCount);
    this.#at += 1;
    while (this.#at < this.#lines.length && !isWhole() && !(this.#recount && this.#isHunkOver())) {
      const line = this.#line();
      const sign = line[0] ?? " ";
      const isOpenEnded = this.#line(this.#at + 1).startsWith("\\");
      const text = `${line.slice(1)}${isOpenEnded ? "" : "\n"}`;
      if (sign !== "+" && sign !== "-" && sign !== " ") throw this.#bad("a line that is neither old nor new");
      if (sign !== "+") old.push(text);
      if (sign !== "-") fresh.push(text);
      this.#at += isOpenEnded ? 2 : 1;
    }
    if (!this.#recount && (old.length !== Number(oldCount) || fresh.length !== Number(newCount))) {
      throw this.#bad("fewer or more lines than it says");
    }
    return { oldStart: Number(start), old, fresh };
  }

  #isHunkOver(): boolean {
    const line = this.#line();
    if (HUNK.test(line) || this.#isNextFile(this.#at)) return true;
    // An empty line between the last lines and the next file is of neither.
    const isGap = line === "" && (this.#at + 1 === this.#lines.length || this.#isNextFile(this.#at + 1));
    return isGap || !/^[ +\-\\]|^$/.test(line);
  }

  #bad(what: string): GloveboxError {
    return bad(what, Math.min(this.#at + 1, this.#lines.length));
  }
}

/** The name of a `---` or `+++` line; `undefined` for `/dev/null`. */
function nameOf(text: string): string | undefined {
  const name = text.startsWith('"') ? unquote(text) : (text.split("\t", 1)[0] ?? "").replace(/\r$/, "");
  if (name === undefined) throw bad("a name that cannot be read");
  return name === "/dev/null" ? undefined : name;
}

/** `a/` and `b/` go where both have them, as in git's diffs. */
function withoutPrefixes(before: string | undefined, after: string | undefined) {
  const isPrefixed = (before?.startsWith("a/") ?? true) && (after?.startsWith("b/") ?? true);
  return isPrefixed ? [before?.slice(2), after?.slice(2)] : [before, after];
}

/** The name in `a/NAME b/NAME`, which may hold spaces: both are the same. */
function bothNames(text: string): string | undefined {
  if (text.startsWith('"')) {
    const end = /^"(?:[^"\\]|\\.)*"/.exec(text)?.[0];
    const name = end === undefined ? undefined : unquote(end);
    return name?.startsWith("a/") ? name.slice(2) : undefined;
  }
  const half = (text.length - 1) / 2;
  const [old, fresh] = [text.slice(0, half), text.slice(half + 1)];
  return old.startsWith("a/") && fresh.startsWith("b/") && old.slice(2) === fresh.slice(2) ? old.slice(2) : undefined;
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

/** A name between quotes, as git writes those with bytes that are not plain. */
function unquote(text: string): string | undefined {
  const inner = /^"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const bytes: Buffer[] = [];
  for (const [, octal, escaped, plain] of inner.matchAll(/\\([0-3][0-7]{2})|\\(.)|([^\\]+)/g)) {
    if (octal !== undefined) bytes.push(Buffer.of(Number.parseInt(octal, 8)));
    else if (plain !== undefined) bytes.push(Buffer.from(plain));
    else {
      const code = ESCAPES[escaped ?? ""];
      if (code === undefined) return undefined;
      bytes.push(Buffer.of(code));
    }
  }
  return Buffer.concat(bytes).toString("utf8");
}

function checked(path: string): string {
  if (isRepositoryPath(path)) return path;
  throw new GloveboxError("invalid_path", `the diff names ${JSON.stringify(path.slice(0, 200))}`, {
    details: { path: path.slice(0, 1_024) },
  });
}

function bad(what: string, line?: number): GloveboxError {
  const at = line === undefined ? "" : ` (line ${line})`;
  return new GloveboxError("invalid_argument", `this diff cannot be applied: ${what}${at}`, {
    details: { path: "diff", ...(line !== undefined && { line }) },
  });
}

function tooLarge(what: string): GloveboxError {
  return new GloveboxError("payload_too_large", `a diff has at most ${what}`, { details: { path: "diff" } });
}
