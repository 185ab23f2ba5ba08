import { hash } from "node:crypto";
import type Database from "better-sqlite3";
import { chunkDocument } from "../chunks/chunk-document.ts";
import { type DocumentInput, documentId, contentHash as hashOfContent } from "../document.ts";
import { hashingEmbedder, hashingVector } from "../embedders/hashing-embedder.ts";
import { tokensOf } from "../text/tokens.ts";
import { Sketcher } from "../vectors/sketch.ts";
import { encodeSketch } from "../vectors/sketch-block.ts";
import type { PreparedChunk, PreparedDocument, PreparedVector, SpaceName } from "./messages.ts";

const sketchers = new Map<number, Sketcher>();

/** Makes documents ready for the writer: cut, in tokens, with vectors where they are computed here. What is in the store already with the same content is not looked at again. */
export async function prepareDocuments(
  db: Database,
  tenantId: string,
  inputs: readonly DocumentInput[],
  space: SpaceName,
): Promise<PreparedDocument[]> {
  const current = db
    .prepare(
      `SELECT v.content_hash FROM document d JOIN version v ON v.document = d.row AND v.version = d.current
       WHERE d.tenant = +? AND d.id = +? AND d.removed = 0`,
    )
    .pluck();
  const prepared: PreparedDocument[] = [];
  for (const input of inputs) {
    const id = documentId(tenantId, input);
    const contentHash = hashOfContent(input.content);
    const isThere = current.get(tenantId, id) === contentHash;
    prepared.push({ id, input, contentHash, ...(!isThere && { chunks: await prepareChunks(input, space) }) });
  }
  return prepared;
}

async function prepareChunks({ kind, path, content }: DocumentInput, space: SpaceName): Promise<PreparedChunk[]> {
  const isHashing = space.embedder === hashingEmbedder.name;
  const chunks = await chunkDocument(kind, path, content);
  return chunks.map(({ startLine, endLine, text }) => {
    // The path is searched for as well: a file is often known by its name.
    const tokens = tokensOf(path === undefined ? text : `${path}\n${text}`);
    return {
      startLine,
      endLine,
      textHash: hash("sha256", text).slice(0, 32),
      tokens: tokens.join(" "),
      words: tokens.length,
      ...(isHashing && { vector: prepareVector(hashingVector(tokens)) }),
    };
  });
}

/** Of length 1. */
export function prepareVector(entries: Float32Array): PreparedVector {
  const sketcher = sketchers.get(entries.length) ?? new Sketcher(entries.length);
  sketchers.set(entries.length, sketcher);
  return { entries, sketch: encodeSketch(sketcher.sketch(entries)) };
}
