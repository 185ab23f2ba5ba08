import type { ByteRange } from "./job-storage.ts";

/** The part of `size` bytes that a `Range` header (or Azure's `x-ms-range`) asks for: `undefined` for all of it, `none` when there is no such part. Several parts are not given: all of it. */
export function parseRange(header: string | undefined, size: number): Required<ByteRange> | "none" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  return start > end ? "none" : { start, end };
}
