import type { RedactorStream } from "../../core/index.ts";
import type { OutputReader } from "../../sessions/index.ts";
import type { Annotation } from "./job-run.ts";
import { type ProblemMatcher, type ProblemMatchers, parseMatchers, positive } from "./problem-matcher.ts";
import { parseCommand, type WorkflowCommand } from "./workflow-command.ts";

/** What a process said to the runner in its output. */
export interface Said {
  readonly annotations: readonly Annotation[];
  /** By the deprecated `set-output`. */
  readonly outputs: ReadonlyMap<string, string>;
  /** By the deprecated `save-state`. */
  readonly state: ReadonlyMap<string, string>;
  /** Values of `add-mask`. */
  readonly masks: readonly string[];
  /** Why its step fails, whatever its exit code: a command that the runner refuses. */
  readonly errors: readonly string[];
}

export interface CommandReaderOptions {
  readonly matchers: ProblemMatchers;
  /** Masks values from now on. May throw: the step fails then. */
  readonly mask: (values: readonly string[]) => void;
  /** Reads a file of the sandbox, by a path as the process said it. */
  readonly readFile: (path: string) => Promise<string>;
  /** Is told of matchers that came, or of an owner whose went. */
  readonly onMatchers: (change: { readonly added: readonly ProblemMatcher[] } | { readonly removed: string }) => void;
}

/** Annotations of one process; GitHub keeps ten of each level. */
const MAX_ANNOTATIONS = 50;
const MAX_MESSAGE = 4_096;
/** The longest line that is held back to see whether it is a command. What is longer is none. */
const MAX_LINE = 65_536;
const MAX_VALUES = 1_000;
/** Lines that wait for a file of matchers to be read. */
const MAX_WAITING = 10_000;
const LEVELS = new Set(["error", "warning", "notice"]);
const DEPRECATED =
  "https://github.blog/changelog/2022-10-11-github-actions-deprecating-save-state-and-set-output-commands/";

/**
 * Reads the commands in what a process prints, line by line as they come, over both its streams. All lines go on as they are; a line that may become a command waits until it
 * is whole, so that what it says to mask is masked in it.
 */
export class CommandReader implements OutputReader {
  readonly #options: CommandReaderOptions;
  readonly #streams = { stdout: new Lines(this), stderr: new Lines(this) };
  readonly #annotations: Annotation[] = [];
  readonly #outputs = new Map<string, string>();
  readonly #state = new Map<string, string>();
  readonly #masks: string[] = [];
  readonly #errors: string[] = [];
  /** While it is set nothing but this token is a command. */
  #stoppedBy: string | undefined;
  #loading: Promise<void> | undefined;
  /** Lines that no matcher has seen yet. */
  #unread: string[] = [];

  constructor(options: CommandReaderOptions) {
    this.#options = options;
  }

  open(stream: "stdout" | "stderr"): RedactorStream {
    return this.#streams[stream];
  }

  /** All that was said; to be asked for when the process is over. */
  async said(): Promise<Said> {
    this.#streams.stdout.flush();
    this.#streams.stderr.flush();
    await this.#loading;
    const { annotations, outputs, state } = {
      annotations: this.#annotations,
      outputs: this.#outputs,
      state: this.#state,
    };
    return { annotations, outputs, state, masks: this.#masks, errors: this.#errors };
  }

  get isReading(): boolean {
    return this.#loading !== undefined || !this.#options.matchers.isEmpty;
  }

  /** A line without its end. */
  line(line: string): void {
    const command = mayHaveCommand(line) ? parseCommand(line) : undefined;
    if (this.#stoppedBy !== undefined) {
      if (command?.name === this.#stoppedBy) this.#stoppedBy = undefined;
    } else if (command === undefined || !this.#obey(command)) this.#match(line);
  }

  overlong(): void {
    this.#fail(`A line that begins as a command has more than ${MAX_LINE} characters; it was left out`);
  }

  /** No more lines for now: matchers take them together, which costs less than one by one. */
  rest(): void {
    if (this.#loading !== undefined || this.#unread.length === 0) return;
    const lines = this.#unread;
    this.#unread = [];
    this.#readLines(lines);
  }

  /** False: it is no command. */
  #obey({ name, properties, data }: WorkflowCommand): boolean {
    if (LEVELS.has(name)) this.#annotate(annotationOf(name as Annotation["level"], properties, data));
    else if (name === "add-mask") this.#mask(data);
    else if (name === "stop-commands") this.#stop(data);
    else if (name === "set-output") this.#set("output", this.#outputs, properties.name, data);
    else if (name === "save-state") this.#set("state", this.#state, properties.name, data);
    else if (name === "set-env" || name === "add-path") {
      this.#fail(`The \`${name}\` command is disabled. Please upgrade to using Environment Files.`);
    } else if (name === "add-matcher") this.#addMatcher(data);
    else if (name === "remove-matcher") this.#removeMatcher(properties.owner ?? "");
    else return name === "group" || name === "endgroup" || name === "debug" || name === "echo";
    return true;
  }

  #annotate(annotation: Annotation): void {
    if (this.#annotations.length < MAX_ANNOTATIONS) this.#annotations.push(annotation);
  }

  #fail(message: string): void {
    if (this.#errors.length < MAX_ANNOTATIONS) this.#errors.push(message);
  }

  #mask(value: string): void {
    if (value.trim() === "") {
      this.#annotate({ level: "warning", message: "Can't add secret mask for empty string in ##[add-mask] command." });
      return;
    }
    const values = [value, ...value.split(/\r?\n/).filter((line) => line.trim() !== "")];
    try {
      this.#options.mask(values);
      this.#masks.push(...values);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }

  #stop(token: string): void {
    if (token.trim() === "" || token.includes("::")) this.#fail("`stop-commands` needs a token that is no command");
    else this.#stoppedBy = token;
  }

  #set(what: "output" | "state", into: Map<string, string>, name: string | undefined, value: string): void {
    const command = what === "output" ? "set-output" : "save-state";
    if (name === undefined || name === "") {
      this.#fail(`Required field 'name' is missing in ##[${command}] command.`);
      return;
    }
    if (into.size >= MAX_VALUES) {
      this.#fail(`more than ${MAX_VALUES} values by ${command}`);
      return;
    }
    if (into.size === 0) {
      const message = `The \`${command}\` command is deprecated and will be disabled soon. Please upgrade to using Environment Files. For more information see: ${DEPRECATED}`;
      this.#annotate({ level: "warning", message });
    }
    into.set(name, value);
  }

  #addMatcher(path: string): void {
    const load = async () => {
      try {
        const added = parseMatchers(await this.#options.readFile(path));
        this.#options.matchers.add(added);
        this.#options.onMatchers({ added });
      } catch (error) {
        this.#annotate({
          level: "warning",
          message: `Problem matchers of ${path}: ${error instanceof Error ? error.message : String(error)}`.slice(
            0,
            MAX_MESSAGE,
          ),
        });
      }
    };
    this.rest();
    const loading = (this.#loading ?? Promise.resolve()).then(load).then(() => {
      if (this.#loading === loading) this.#loading = undefined;
      this.rest();
    });
    this.#loading = loading;
  }

  #removeMatcher(owner: string): void {
    this.rest();
    this.#options.matchers.remove(owner);
    this.#options.onMatchers({ removed: owner });
  }

  #match(line: string): void {
    if (this.isReading && this.#unread.length < MAX_WAITING) this.#unread.push(line);
  }

  #readLines(lines: readonly string[]): void {
    const { matchers } = this.#options;
    if (matchers.isEmpty) return;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are no part of what a tool says
    const plain = lines.map((line) => line.replaceAll(/\u001b\[[0-9;]*m/g, ""));
    const { annotations, dropped } = matchers.read(plain);
    for (const annotation of annotations) this.#annotate(annotation);
    for (const owner of dropped) {
      this.#annotate({ level: "warning", message: `Removed the problem matcher '${owner}': it takes too long` });
    }
  }
}

function annotationOf(level: Annotation["level"], properties: WorkflowCommand["properties"], data: string): Annotation {
  const { file, title } = properties;
  const numbers = {
    line: positive(properties.line),
    endLine: positive(properties.endLine),
    column: positive(properties.col),
    endColumn: positive(properties.endColumn),
  };
  return {
    level,
    message: data.slice(0, MAX_MESSAGE),
    ...(title !== undefined && { title: title.slice(0, 256) }),
    ...(file !== undefined && { path: file.slice(0, 1_024) }),
    ...Object.fromEntries(Object.entries(numbers).filter(([, number]) => number !== undefined)),
  };
}

interface LineTaker {
  /** It wants to see lines that are no commands as well. */
  readonly isReading: boolean;
  line(line: string): void;
  overlong(): void;
  rest(): void;
}

/** Cuts text into lines. What is complete, or can be no command any more, goes on at once. */
class Lines implements RedactorStream {
  readonly #taker: LineTaker;
  /** The line that is not over; the part from `#held` on has not gone on. */
  #line = "";
  #given = 0;
  /** Too long to be a command: the rest of it is let through, or left out with what was held of it. */
  #overlong: "let through" | "left out" | undefined;

  constructor(taker: LineTaker) {
    this.#taker = taker;
  }

  get heldBytes(): number {
    return Buffer.byteLength(this.#line.slice(this.#given));
  }

  push(piece: string): string {
    const whole = piece.lastIndexOf("\n") + 1;
    // Most output is no command, and nobody reads it: it goes on as a whole.
    const isPlain = !this.#taker.isReading && this.#line === "" && this.#overlong === undefined;
    if (isPlain && !mayHaveCommand(piece.slice(0, whole))) return piece.slice(0, whole) + this.#add(piece.slice(whole));
    let out = "";
    let from = 0;
    for (let end = piece.indexOf("\n"); end >= 0; end = piece.indexOf("\n", from)) {
      out += this.#end(piece.slice(from, end + 1));
      from = end + 1;
    }
    out += this.#add(piece.slice(from));
    this.#taker.rest();
    return out;
  }

  flush(): string {
    const out = this.#line === "" ? "" : this.#end("");
    this.#taker.rest();
    return out;
  }

  #end(rest: string): string {
    const line = this.#line + rest;
    const overlong = this.#overlong;
    const given = this.#given;
    this.#line = "";
    this.#given = 0;
    this.#overlong = undefined;
    if (overlong === undefined) this.#taker.line(line.replace(/\r?\n$/, ""));
    return overlong === "left out" ? "" : line.slice(given);
  }

  #add(rest: string): string {
    if (rest === "") return "";
    const line = this.#line + rest;
    if (this.#overlong === undefined && line.length > MAX_LINE) {
      this.#overlong = this.#given === 0 && mayBeCommand(line) ? "left out" : "let through";
      if (this.#overlong === "left out") this.#taker.overlong();
    }
    if (this.#overlong !== undefined) {
      const out = line.slice(this.#given);
      this.#line = "";
      this.#given = 0;
      return this.#overlong === "left out" ? "" : out;
    }
    this.#line = line;
    // A prompt or a dot of progress is shown as it comes.
    if (mayBeCommand(line)) return "";
    const out = line.slice(this.#given);
    this.#given = line.length;
    return out;
  }
}

function mayHaveCommand(text: string): boolean {
  return text.includes("::") || text.includes("##[");
}

function mayBeCommand(line: string): boolean {
  const start = line.trimStart();
  return start === "" || start.startsWith("::") || start === ":" || line.includes("##[") || line.endsWith("#");
}
