/**
 * What names stand for, without scopes or order: a name may stand for several things, and whoever asks gets all of them. That finds too
 * much in rare programs and nothing too little in ordinary ones.
 */
export class Bindings {
  readonly #names = new Map<string, Set<string>>();
  readonly #texts = new Map<string, string>();
  /** Modules of which everything was imported. */
  readonly opened = new Set<string>();
  /** Names that the program defines itself. */
  readonly own = new Set<string>();

  add(name: string, stands: readonly string[]): void {
    if (stands.length === 0) return;
    const known = this.#names.get(name) ?? new Set();
    // One that stands for hundreds of things stands for nothing in particular.
    for (const one of stands) if (known.size < 50 && one.length < 500) known.add(one);
    this.#names.set(name, known);
  }

  addText(name: string, text: string): void {
    this.#texts.set(name, text);
  }

  of(name: string): readonly string[] {
    return [...(this.#names.get(name) ?? [])];
  }

  textOf(name: string): string | undefined {
    return this.#texts.get(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || this.own.has(name);
  }
}

/** Expressions are followed this deep. */
export const MAX_DEPTH = 25;

/** `\n`, `\x41`, `A`, `\u{41}`, `\/` in a literal string, as Python, JavaScript and Rust have them. */
export function unescapeText(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\}|U[0-9a-fA-F]{8}|[0-7]{1,3}|\r?\n|.)/gs,
    (_all, code: string) => {
      const [kind = ""] = code;
      if ((kind === "x" || kind === "u" || kind === "U") && code.length > 1)
        return character(Number.parseInt(code.replace(/[^0-9a-fA-F]/g, ""), 16));
      if (/[0-7]/.test(kind)) return character(Number.parseInt(code, 8));
      if (code.endsWith("\n")) return "";
      return { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\u0007" }[kind] ?? code;
    },
  );
}

function character(point: number): string {
  return point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
}
