import type { Bridge } from "./bridge.ts";
import type { ToBytes } from "./bytes.ts";

/** Calls the server. Gives what its answer's JSON says, or its bytes; throws errors as Node's own look. */
export type Call = (name: string, input: Record<string, unknown>, bytes?: ArrayBuffer) => unknown;

export function makeCall(bridge: Bridge, toBytes: ToBytes): Call {
  const { parse, stringify } = JSON;
  const codes = {
    __proto__: null,
    not_found: "ENOENT",
    already_exists: "EEXIST",
    permission_denied: "EACCES",
    invalid_path: "EACCES",
    resource_exhausted: "ENOSPC",
    payload_too_large: "EFBIG",
    cancelled: "EINTR",
    timeout: "ETIMEDOUT",
  } as unknown as Record<string, string>;

  return (name, input, bytes) => {
    let answer: string | ArrayBuffer;
    try {
      answer = bytes === undefined ? bridge.call(name, stringify(input)) : bridge.call(name, stringify(input), bytes);
    } catch (error) {
      const kind = (error as Error).name;
      const { message } = error as Error;
      const code = codes[kind];
      if (code === undefined) throw Object.assign(new Error(message), { code: kind });
      const path = typeof input.path === "string" ? ` '${input.path}'` : "";
      throw Object.assign(new Error(`${code}: ${message}, ${name}${path}`), { code, path: input.path });
    }
    return typeof answer === "string" ? (parse(answer) as unknown) : toBytes(answer);
  };
}
