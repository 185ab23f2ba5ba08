import type { FastifyReply, FastifyRequest } from "fastify";
import { GloveboxError } from "../../core/index.ts";

/** Entity tags of things that change are their version: `"3"`. */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/** The version that `If-Match` demands; absent with no header or `*`. `invalid_argument` when it is not such a tag. */
export function expectedVersion(request: FastifyRequest): number | undefined {
  const header = request.headers["if-match"];
  if (header === undefined || header.trim() === "*") return undefined;
  const match = /^"(\d{1,9})"$/.exec(header.trim());
  if (match?.[1] !== undefined) return Number(match[1]);
  throw new GloveboxError("invalid_argument", 'If-Match must be one entity tag as given in ETag, e.g. "3"', {
    details: { in: "header", path: "if-match" },
  });
}

/** Sets `ETag`; tells whether the client has this version already (`If-None-Match`), so that 304 is the answer. */
export function tagVersion(request: FastifyRequest, reply: FastifyReply, version: number): boolean {
  const tag = entityTag(version);
  reply.header("etag", tag);
  const have = request.headers["if-none-match"];
  if (have === undefined || request.method !== "GET") return false;
  return have.split(",").some((item) => item.trim().replace(/^W\//, "") === tag);
}
