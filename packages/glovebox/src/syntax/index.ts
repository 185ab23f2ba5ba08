/** Syntax trees of code that nobody has reviewed. */
export {
  childOf,
  namedChildren,
  nodesOf,
  parseCode,
  type SyntaxNode,
  type SyntaxProblem,
  type SyntaxTree,
} from "./tree.ts";
