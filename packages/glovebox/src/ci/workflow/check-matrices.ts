import { isGloveboxError } from "../../core/index.ts";
import { expandMatrix } from "./matrix.ts";
import type { TokenReader } from "./token-reader.ts";
import type { Job, MatrixTemplate } from "./workflow.ts";

/** Expands each matrix that is known without a run, so that one of 10,000 is refused with its place. */
export function checkMatrices(tokens: TokenReader, jobs: readonly Job[]): void {
  for (const job of jobs) {
    const matrix = job.strategy?.matrix;
    if (matrix === undefined || JSON.stringify(matrix).includes("${" + "{") || hasEmptyVector(matrix)) continue;
    try {
      expandMatrix(matrix, {});
    } catch (error) {
      if (!isGloveboxError(error, "invalid_argument")) throw error;
      const { line, column } = job.position;
      tokens.problems.add(`Job '${job.id}': ${error.message}`, { start: { line, column }, end: { line, column } });
    }
  }
}

/** Named where it stands when the matrix was read. */
function hasEmptyVector(matrix: MatrixTemplate): boolean {
  return typeof matrix !== "string" && Object.values(matrix.vectors).some(({ length }) => length === 0);
}
