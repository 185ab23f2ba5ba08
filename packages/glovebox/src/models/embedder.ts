/** Something that makes vectors of texts: near ones for texts that say similar things. */
export interface Embedder {
  /** With {@link model} and {@link dimensions} it names the space that its vectors live in; vectors of different spaces are never compared. */
  readonly name: string;
  readonly model: string;
  readonly dimensions: number;
  /** One vector of length 1 for each text, in order (of length 0 for a text that says nothing). Errors as of `ModelProvider.ask`. */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]>;
}

/** Scales to length 1, in place. Zeros stay zeros. */
export function toUnit(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const entry of vector) squares += entry * entry;
  if (squares > 0) {
    const scale = 1 / Math.sqrt(squares);
    for (let at = 0; at < vector.length; at += 1) vector[at] = (vector[at] as number) * scale;
  }
  return vector;
}
