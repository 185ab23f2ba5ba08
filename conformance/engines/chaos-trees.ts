/** Random trees for `chaos-programs.ts`; apart, because loading fast-check costs a child its time. */
import fc from "fast-check";
import type { Node, Tree } from "./chaos-programs.ts";

const leaf = fc.constantFrom<Node>(
  { kind: "step" },
  { kind: "step" },
  { kind: "flaky" },
  { kind: "slow" },
  { kind: "sleep" },
  { kind: "values" },
);

const { tree } = fc.letrec<{ tree: Tree; node: Node }>((tie) => ({
  tree: fc.array(tie("node"), { minLength: 1, maxLength: 5 }),
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constant("parallel" as const),
      branches: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ kind: fc.constantFrom("first" as const, "child" as const), tree: tie("tree") }),
  ),
}));

/** Programs of a bounded size that are the same for the same seed. */
export function chaosTrees(seed: number, count: number): Tree[] {
  const fits = tree.filter((found) => sizeOf(found) >= 8 && sizeOf(found) <= 40);
  return fc.sample(fits, { seed, numRuns: count });
}

function sizeOf(nodes: Tree): number {
  return nodes.reduce((sum, node) => {
    if ("branches" in node) return sum + node.branches.reduce((all, branch) => all + sizeOf(branch), 0);
    return sum + ("tree" in node ? sizeOf(node.tree) : 1);
  }, 0);
}
