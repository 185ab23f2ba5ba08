import { GloveboxError } from "../../core/index.ts";
import type { KernelRequest } from "../kernel-message.ts";

/** Code of 8 MiB in UTF-8, and room for the other fields. */
const MAX_REQUEST_BYTES = 40 * 1_048_576;
const FIELDS = 5;

/** Cuts the bytes of a kernel's control input into requests: five fields, each ended by NUL. */
export class RequestParser {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #fields: string[] = [];

  /** Takes the next bytes and gives back the requests that they complete. */
  push(data: Uint8Array): KernelRequest[] {
    const requests: KernelRequest[] = [];
    let start = 0;
    for (let end = data.indexOf(0); end !== -1; end = data.indexOf(0, start)) {
      this.#keep(data.subarray(start, end));
      this.#fields.push(Buffer.concat(this.#pieces).toString("utf8"));
      this.#pieces = [];
      start = end + 1;
      if (this.#fields.length === FIELDS) {
        requests.push(toRequest(this.#fields));
        this.#fields = [];
        this.#bytes = 0;
      }
    }
    if (start < data.length) this.#keep(data.slice(start));
    return requests;
  }

  #keep(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#bytes > MAX_REQUEST_BYTES) throw new GloveboxError("payload_too_large", "the request is too long");
    this.#pieces.push(piece);
  }
}

function toRequest(fields: readonly string[]): KernelRequest {
  const [verb = "", id = "", mode = "", json = "", source = ""] = fields;
  if (verb !== "exec" || (mode !== "repl" && mode !== "file" && mode !== "rehearsal")) {
    throw new GloveboxError("invalid_argument", `not a kernel request: ${verb.slice(0, 32)} ${mode.slice(0, 32)}`);
  }
  const options = (json === "" ? {} : JSON.parse(json)) as Partial<KernelRequest>;
  return {
    id,
    mode,
    source,
    language: options.language ?? "javascript",
    args: options.args ?? [],
    env: options.env ?? {},
    cwd: options.cwd ?? "/workspace",
  };
}
