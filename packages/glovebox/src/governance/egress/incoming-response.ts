import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { createDecoders } from "./decoders.ts";
import { contentEncodings, endToEnd, type HeaderPair, toPairs, without } from "./headers.ts";
import { Refusal } from "./refusal.ts";
import { ReplaceStream, replaceAll } from "./replacer.ts";
import { countStream } from "./request-body.ts";
import type { HostSecrets } from "./secret-book.ts";

/** A response as the sandbox shall see it. */
export interface MaskedResponse {
  readonly headers: readonly HeaderPair[];
  /** Streams to pass the body through, in order. */
  readonly through: Transform[];
}

/** Puts placeholders in for values. Throws {@link Refusal} `unreadable_response` when the body is compressed in a way that is not known. */
export function maskResponse(
  response: IncomingMessage,
  secrets: HostSecrets,
  count: (bytes: number) => boolean,
): MaskedResponse {
  const headers = without(endToEnd(toPairs(response.rawHeaders)), "alt-svc");
  const matcher = secrets.incoming;
  if (matcher === undefined) return { headers, through: [] };
  const encodings = contentEncodings(headers);
  const decoders = createDecoders(encodings);
  if (decoders === undefined) {
    throw new Refusal(
      "unreadable_response",
      "the answer's Content-Encoding is unknown, so that it cannot be searched for secrets",
    );
  }
  const plain = without(headers, "content-length", "content-encoding");
  return {
    headers: plain.map(([name, value]) => [name, mask(value)]),
    through: [...decoders, ...(decoders.length === 0 ? [] : [countStream(count)]), new ReplaceStream(matcher)],
  };

  function mask(value: string): string {
    return matcher === undefined ? value : replaceAll(matcher, Buffer.from(value, "latin1")).toString("latin1");
  }
}
