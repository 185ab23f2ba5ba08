import { GloveboxError } from "../../core/index.ts";
import type { KeySource } from "./key-ring.ts";
import { ringOf } from "./key-text.ts";

export const KEY_VARIABLE = "GLOVEBOX_SECRETS_KEY";

/**
 * Keys that the user gives at the start: base64 of 32 bytes, or several with commas between, the current one first. To rotate, the user starts the server
 * with `new,old`, which seals everything anew, and leaves the old one out from then on.
 */
export function environmentKeys(text: string): KeySource {
  const read = async () =>
    ringOf(
      text.split(",").map((part) => part.trim()),
      KEY_VARIABLE,
    );
  return {
    name: KEY_VARIABLE,
    read,
    create: read,
    begin: async (ring) => {
      if (ring.keys.length > 1) return ring;
      throw new GloveboxError(
        "conflict",
        `the master key comes from ${KEY_VARIABLE}: start the server with the new key before the old one, with a comma between; it seals everything anew at its start`,
      );
    },
    // What the environment has stays there until the next start; nothing is sealed under it.
    finish: async (ring) => ring,
  };
}
