import { GloveboxError } from "../../core/index.ts";

export interface ByteRange {
  readonly first: number;
  /** Inclusive. */
  readonly last: number;
}

/** One range of a `Range: bytes=…` header within `size` bytes. Several ranges, or one outside, are `invalid_argument`. */
export function parseRange(header: string, size: number): ByteRange {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.replaceAll(" ", ""));
  const [from, to] = [match?.[1] ?? "", match?.[2] ?? ""];
  if (match === null || (from === "" && to === "")) throw refuse(header, size);
  const first = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(size - 1, Number(to));
  if (first > last) throw refuse(header, size);
  return { first, last };
}

function refuse(header: string, size: number): GloveboxError {
  return new GloveboxError("invalid_argument", `cannot give the range ${header.slice(0, 64)} of ${size} bytes`, {
    details: { in: "header", path: "range", size },
  });
}
