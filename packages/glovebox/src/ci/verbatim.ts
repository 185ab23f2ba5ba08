/**
 * A value as the journal keeps it to the letter: JSON in base64, in pieces. The journal masks what looks like a secret, by what it looks like and by the name that it stands under, which would
 * change a workflow that has `DB_PASSWORD: postgres` in it, or a job's output that is named `token`. Only for what is no secret: repositories' own files, variables, inputs, and outputs
 * that were looked through for the job's secrets.
 */
export type Verbatim = readonly string[];

/** Shorter than any key that is known by its looks. */
const PIECE = 32;

export function toVerbatim(value: unknown): Verbatim {
  const text = Buffer.from(JSON.stringify(value)).toString("base64");
  return Array.from({ length: Math.ceil(text.length / PIECE) }, (_, at) => text.slice(at * PIECE, (at + 1) * PIECE));
}

export function fromVerbatim<T>(pieces: Verbatim): T {
  return JSON.parse(Buffer.from(pieces.join(""), "base64").toString("utf8")) as T;
}
