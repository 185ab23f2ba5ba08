import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { sign } from "@octokit/webhooks-methods";
import type { RawDelivery } from "../delivery.ts";

export interface ExampleDelivery {
  readonly event: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

// Read, not imported: 9 MB that no transform needs to see.
const file = createRequire(import.meta.url).resolve("@octokit/webhooks-examples");

/** Every payload that GitHub and its users have published as an example. For tests. */
export const EXAMPLES: readonly ExampleDelivery[] = (
  JSON.parse(readFileSync(file, "utf8")) as readonly {
    name: string;
    examples: readonly Readonly<Record<string, unknown>>[];
  }[]
).flatMap(({ name, examples: payloads }) => payloads.map((payload) => ({ event: name, payload })));

let count = 0;

/** A delivery as GitHub sends it, signed. */
export async function signedDelivery(
  { event, payload }: ExampleDelivery,
  secret: string,
  id = `example-${++count}`,
): Promise<RawDelivery & { readonly headers: Readonly<Record<string, string>> }> {
  const text = JSON.stringify(payload);
  return {
    headers: {
      "content-type": "application/json",
      "x-github-event": event,
      "x-github-delivery": id,
      "x-hub-signature-256": await sign(secret, text),
    },
    body: Buffer.from(text),
  };
}
