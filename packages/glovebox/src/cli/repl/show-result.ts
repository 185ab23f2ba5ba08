import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredEvent } from "../../core/index.ts";
import { coloursFor } from "../render/colours.ts";
import { printable } from "../render/printable.ts";
import { writeFully } from "../run/program-output.ts";
import { showEvent } from "../run/show-event.ts";

/** Values that a REPL does not show, by the language's own type name. */
const SILENT: ReadonlySet<string> = new Set(["NoneType", "undefined", "()", "status"]);

/** Files by which a picture or a page can be looked at. */
const ENDINGS: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/gif": "gif",
  "image/svg+xml": "svg",
  "text/html": "html",
  "application/pdf": "pdf",
};
/** What untrusted code may have saved on this machine: pictures, and their size in all. */
const MAX_SAVED = 1000;
const MAX_SAVED_BYTES = 256 * 1_048_576;
const TEXTUAL: ReadonlySet<string> = new Set(["image/svg+xml", "text/html"]);

/** Shows what came of REPL code: output as it is, then the value, the error, and where pictures were saved. */
export function showResult(): (event: StoredEvent) => Promise<void> {
  let folder: string | undefined;
  let saved = 0;
  let savedBytes = 0;
  const save = (mime: string, content: string): string | undefined => {
    savedBytes += content.length;
    if (saved >= MAX_SAVED || savedBytes > MAX_SAVED_BYTES) return undefined;
    folder ??= mkdtempSync(join(tmpdir(), "glovebox-display-"));
    saved += 1;
    const path = join(folder, `${saved}.${ENDINGS[mime]}`);
    writeFileSync(path, TEXTUAL.has(mime) ? content : Buffer.from(content, "base64"), { mode: 0o600 });
    return path;
  };
  return async (event) => {
    switch (event.type) {
      case "value":
        return showValue(event.payload);
      case "display":
        return showDisplay(event.payload.mime, save);
      case "exception":
        return showException(event.payload);
      default:
        return showEvent(event);
    }
  };
}

async function showValue(value: { readonly type: string; readonly preview: string }): Promise<void> {
  if (SILENT.has(value.type) || value.preview === "") return;
  const colours = coloursFor(process.stdout);
  await writeFully(1, Buffer.from(`${colours.green(printable(value.preview))}\n`));
}

async function showException(error: {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}) {
  const colours = coloursFor(process.stderr);
  if (error.name === "ExitStatus") {
    // Bash's way to fail: in a pipe its code says it all, as the shell's own would.
    if (process.stderr.isTTY === true) await writeFully(2, Buffer.from(`${colours.dim(printable(error.message))}\n`));
    return;
  }
  const text = error.stack?.trimEnd() ?? `${error.name}: ${error.message}`;
  await writeFully(2, Buffer.from(`${colours.red(printable(text))}\n`));
}

async function showDisplay(
  mime: Readonly<Record<string, string>>,
  save: (mime: string, content: string) => string | undefined,
): Promise<void> {
  const colours = coloursFor(process.stdout);
  const plain = mime["text/plain"];
  if (plain !== undefined) await writeFully(1, Buffer.from(`${printable(plain)}\n`));
  for (const [name, content] of Object.entries(mime)) {
    if (!Object.hasOwn(ENDINGS, name)) continue;
    const path = save(name, content);
    const note = path === undefined ? `${name} not saved: there are too many` : `${name} saved as ${path}`;
    await writeFully(1, Buffer.from(colours.dim(`[${note}]\n`)));
  }
}
