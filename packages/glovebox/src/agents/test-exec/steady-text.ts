const TEMPORARY = /(\/tmp\/)[\w.-]*?(?:tmp|[._-])[\w-]{6,12}\b/g;

/** A text without what differs from run to run: addresses, names of temporary files, and where the repository's copy lay. */
export function steady(text: string, roots: readonly string[]): string {
  let steadied = text;
  for (const root of roots) {
    steadied = steadied.replaceAll(`file://${root}/`, "").replaceAll(`${root}/`, "").replaceAll(root, ".");
  }
  // Rust tells the thread's number.
  const threaded = steadied.replaceAll(/^(thread '[^'\n]*') \(\d+\)/gm, "$1");
  return threaded.replaceAll(/\b0x[0-9a-f]{6,16}\b/gi, "0x…").replaceAll(TEMPORARY, "$1…");
}

/** The same of what a runner prints, whose durations are for people. */
export function steadyOutput(text: string, roots: readonly string[]): string {
  return steady(text, roots)
    .replaceAll(/\b\d+(?:\.\d+)?\s?(?:ns|µs|ms|s|secs?|seconds?)\b/g, "…")
    .replaceAll(/\b\d{1,2}:\d\d:\d\d\b/g, "…");
}
