import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Stack traces name the sources from now on, for chunks in `folder`. A chunk's map is read when the first trace leads through it: Node's own support
 * looks at every chunk while it loads, which takes longer than compiling them.
 */
export function nameSourcesInStackTraces(folder: string): void {
  const prefix = `file://${folder}/`;
  const maps = new Map<string, SourceMap | undefined>();
  const mapOf = (url: string): SourceMap | undefined => {
    if (!maps.has(url)) maps.set(url, readMap(url));
    return maps.get(url);
  };
  const place = (frame: NodeJS.CallSite): string => {
    const plain = String(frame);
    const url = frame.getScriptNameOrSourceURL();
    const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
    if (typeof url !== "string" || !url.startsWith(prefix) || line === null || column === null) return plain;
    const found = mapOf(url)?.findOrigin(line, column);
    if (found === undefined || !("fileName" in found)) return plain;
    const source = resolve(dirname(fileURLToPath(url)), found.fileName);
    return plain.replace(`${url}:${line}:${column}`, () => `${source}:${found.lineNumber}:${found.columnNumber}`);
  };
  Error.prepareStackTrace = (error, frames) =>
    [String(Error.prototype.toString.call(error)), ...frames.map((frame) => `    at ${place(frame)}`)].join("\n");
}

function readMap(url: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(fileURLToPath(`${url}.map`), "utf8")));
  } catch {
    return undefined;
  }
}
