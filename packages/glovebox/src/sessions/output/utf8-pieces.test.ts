import fc from "fast-check";
import { expect, test } from "vitest";
import { type Piece, Utf8Pieces } from "./utf8-pieces.ts";

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

function decode(parts: readonly Uint8Array[]): Piece[] {
  const pieces = new Utf8Pieces();
  return [...parts.map((part) => pieces.push(part)), pieces.flush()].filter((piece) => piece !== undefined);
}

function bytesOf(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => (piece.kind === "text" ? Buffer.from(piece.text) : piece.data)));
}

test("text cut anywhere stays text, never cut inside a character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.nat(), { maxLength: 8 }), (text, cuts) => {
      const pieces = decode(split(Buffer.from(text), cuts));
      expect(pieces.every(({ kind }) => kind === "text")).toBe(true);
      expect(pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("")).toBe(
        Buffer.from(text).toString(),
      );
    }),
  );
});

test("no byte is lost, repeated or moved, whatever the bytes are", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
      expect(bytesOf(decode(split(bytes, cuts))).equals(Buffer.from(bytes))).toBe(true);
    }),
  );
});
