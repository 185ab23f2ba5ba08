/** Syntax trees of code that nobody has reviewed. */
export type { GrammarName } from "./grammars.ts";
export { type ReadingLimits, ReadingThreads } from "./threads/reading-threads.ts";
export { isTrap, serveReadings } from "./threads/serve-readings.ts";
export {
  childOf,
  namedChildren,
  nodesOf,
  parseCode,
  type SyntaxNode,
  type SyntaxProblem,
  type SyntaxTree,
} from "./tree.ts";
