const VALUED: ReadonlySet<string> = new Set(["--url", "--token", "--data"]);

/** The words after `run`, with the options that were given before it; `undefined` when this is no `run`. */
export function wordsOfRun(words: readonly string[]): readonly string[] | undefined {
  let at = 0;
  while (at < words.length) {
    const word = words[at] as string;
    if (word === "run") return [...words.slice(0, at), ...words.slice(at + 1)];
    if (VALUED.has(word)) at += 2;
    else if (word === "--json" || /^--(url|token|data)=/.test(word)) at += 1;
    else return undefined;
  }
  return undefined;
}
