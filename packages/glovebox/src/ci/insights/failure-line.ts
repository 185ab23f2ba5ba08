const MAX_LENGTH = 300;

/** Words by which programs say that something went wrong. */
const TELLS =
  /\b(error|errors|err!|failed|failure|fail|exception|panic|panicked|fatal|traceback|denied|refused|not found|no such file|cannot|could not|unable to|undefined reference|segmentation fault|killed|timed out|assert(ion)?)\b|✗|✖|^E\s/i;

/** Lines that have the words and tell of nothing: "0 errors", "no failures". */
const HARMLESS = /\b(0|no|without) (errors?|failures?|failed)\b/i;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of terminals are what is taken out
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Takes a step's output line by line and keeps the first that tells of an error; else the last line at all. Bounded, whatever comes. */
export class FailureLine {
  #first: string | undefined;
  #last: string | undefined;
  #rest = "";

  /** A piece of output as it came. */
  add(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = (lines.pop() ?? "").slice(0, 10_000);
    for (const line of lines) this.#line(line);
  }

  /** The line, or undefined where nothing was printed. */
  get found(): string | undefined {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
    return this.#first ?? this.#last;
  }

  /** Whether there is nothing more to look for. */
  get isSettled(): boolean {
    return this.#first !== undefined;
  }

  #line(line: string): void {
    const clean = line.slice(0, 2_000).replace(ESCAPES, "").trim().slice(0, MAX_LENGTH);
    if (clean === "" || clean.startsWith("::")) return;
    this.#last = clean;
    if (this.#first === undefined && TELLS.test(clean) && !HARMLESS.test(clean)) this.#first = clean;
  }
}

/** `line` without what changes from run to run: the same failure gives the same text. */
export function normalised(line: string): string {
  return line
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "ID")
    .replace(/\b0x[0-9a-f]+\b/gi, "HEX")
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b/gi, "HEX")
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?/g, "TIME")
    .replace(/(\/tmp|\/var\/folders|\/workspace\/\.runner\/temp)\/[^\s:'")]+/g, "TEMP")
    .replace(/\d+(\.\d+)*/g, "N")
    .replace(/\s+/g, " ")
    .trim();
}
