/**
 * REPL input whose top-level `let` and `const` are written as `var`, as long as they were, so that an input can be
 * sent again: the engine refuses to declare a name twice otherwise, for good, even when the first declaration failed.
 * Input that this scanner does not see through is left alone.
 */
export function allowRedeclaration(source: string): string {
  if (!/\b(?:let|const)\b/.test(source)) return source;
  const scan = new Scan(source);
  return scan.run() ? scan.result() : source;
}

const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|\s+|[\s\S]/y;
const TEMPLATE = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;
const REGEXP = /\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
/** After these words a slash begins a regular expression. */
const BEFORE_EXPRESSION = /^(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/;
/** What follows the words when they declare. */
const BINDING = /\s*[A-Za-z_$\u0080-\uffff{[]/y;

class Scan {
  readonly #source: string;
  readonly #open: string[] = [];
  readonly #found: { readonly at: number; readonly word: string }[] = [];
  #at = 0;
  /** The last token that is neither blank nor comment; "" at the start. */
  #last = "";
  #newline = true;

  constructor(source: string) {
    this.#source = source;
  }

  /** `false` when something is not closed: then nothing that was found is to be trusted. */
  run(): boolean {
    while (this.#at < this.#source.length) if (!this.#token()) return false;
    return this.#open.length === 0;
  }

  result(): string {
    let text = "";
    let at = 0;
    for (const { at: start, word } of this.#found) {
      text += this.#source.slice(at, start) + "var".padEnd(word.length);
      at = start + word.length;
    }
    return text + this.#source.slice(at);
  }

  #token(): boolean {
    const start = this.#at;
    const token = this.#match(TOKEN);
    if (token === undefined || token === '"' || token === "'") return false;
    if (/^\s/.test(token) || token.startsWith("//") || token.startsWith("/*")) {
      this.#newline ||= token.includes("\n");
      return true;
    }
    if (token === "`") return this.#template();
    if (token === "/" && this.#expressionMayStart()) {
      this.#at = start;
      if (this.#match(REGEXP) === undefined) return false;
      this.#last = "0";
      return true;
    }
    if ("([{".includes(token)) this.#open.push(token);
    else if (token === "}" && this.#open.at(-1) === "`") {
      this.#open.pop();
      return this.#template();
    } else if (")]}".includes(token) && this.#open.pop() !== "([{"[")]}".indexOf(token)]) return false;
    if ((token === "let" || token === "const") && this.#declares()) this.#found.push({ at: start, word: token });
    this.#last = token;
    this.#newline = false;
    return true;
  }

  /** The rest of a template literal, up to its end or its next `${`. */
  #template(): boolean {
    const part = this.#match(TEMPLATE);
    if (part === undefined) return false;
    if (part.endsWith("${")) {
      this.#open.push("`");
      this.#last = "{";
    } else this.#last = "0";
    this.#newline = false;
    return true;
  }

  #declares(): boolean {
    const { length } = this.#open;
    if (length > 0 || this.#last === ".") return false;
    const starts = this.#last === "" || this.#last === ";" || this.#last === "}" || this.#newline;
    BINDING.lastIndex = this.#at;
    return starts && BINDING.test(this.#source);
  }

  #expressionMayStart(): boolean {
    if (BEFORE_EXPRESSION.test(this.#last)) return true;
    return !/[\w$)\]}]$/.test(this.#last);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}
