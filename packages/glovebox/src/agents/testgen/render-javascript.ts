import { frameworkImports, importOf } from "../codegen/render/javascript.ts";
import { asWrittenHere } from "../codegen/render/lines.ts";
import { importPathOf, type Layout } from "../layout/layout.ts";
import { sourceOf } from "./plain-value.ts";
import type { FunctionPlan } from "./test-plan.ts";

const generator = (layout: Layout) => `/** Arguments of these kinds: the same ones every time. */
function examples(...kinds${layout.language === "typescript" ? ": string[]): any[][]" : ")"} {
  let state = 1;
  const roll = (below${layout.language === "typescript" ? ": number" : ""}) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const make = (kind${layout.language === "typescript" ? ": string): any" : ")"} => {
    if (kind.endsWith("s")) return Array.from({ length: roll(5) }, () => make(kind.slice(0, -1)));
    if (kind === "number") return (roll(2001) - 1000) / 8;
    if (kind === "boolean") return roll(2) === 1;
    return Array.from({ length: roll(8) }, () => "ab Z9"[roll(5)]).join("");
  };
  return Array.from({ length: 25 }, () => kinds.map(make));
}
`;

/** Tests of a module, for the runner of the repository. `leave`: names of tests that are left out. */
export function javascriptTests(
  plans: readonly FunctionPlan[],
  {
    layout,
    path,
    testPath,
    leave,
  }: { readonly layout: Layout; readonly path: string; readonly testPath: string; readonly leave: ReadonlySet<string> },
): string {
  const isExpect = layout.testStyle === "vitest" || layout.testStyle === "jest";
  const run = layout.testStyle === "mocha" ? "it" : "test";
  const equal = (left: string, right: string) =>
    isExpect ? `expect(${left}).toEqual(${right});` : `assert.deepEqual(${left}, ${right});`;
  const tests: { readonly name: string; readonly lines: readonly string[] }[] = [
    { name: "imports", lines: plans.map(({ name }) => equal(`typeof subject.${name}`, '"function"')) },
    ...plans.map((plan) => ({ name: `${plan.name} gives what it gave`, lines: knownLines(plan, isExpect, equal) })),
    ...plans.flatMap((plan) =>
      plan.property
        ? [{ name: `${plan.name} holds for generated arguments`, lines: propertyLines(plan, equal, layout) }]
        : [],
    ),
  ];
  const kept = tests.filter(({ name, lines }) => lines.length > 0 && !leave.has(name));
  const hasProperty = kept.some(({ name }) => name.endsWith("generated arguments"));
  const what = layout.modules === "esm" ? "* as subject" : "subject";
  const head = [...frameworkImports(layout), importOf(layout, what, importPathOf(layout, testPath, path))];
  const bodies = kept.map(({ name, lines }) => {
    const start = lines.some((line) => line.includes("await ")) ? "async () =>" : "() =>";
    return `${run}("${name}", ${start} {\n${lines.map((line) => `  ${line}`).join("\n")}\n});\n`;
  });
  const text = `${head.join("\n")}\n\n${hasProperty ? `${generator(layout)}\n` : ""}${bodies.join("\n")}`;
  return asWrittenHere(text, layout).replace(/^( {2})+/gm, (found) => layout.indent.repeat(found.length / 2));
}

type Equal = (left: string, right: string) => string;

function knownLines({ name, cases, isAsync }: FunctionPlan, isExpect: boolean, equal: Equal): readonly string[] {
  return cases.map(({ args, outcome }) => {
    const call = `subject.${name}(${args.map((arg) => sourceOf(arg, "javascript")).join(", ")})`;
    if (outcome.kind === "value") return equal(isAsync ? `await ${call}` : call, sourceOf(outcome.value, "javascript"));
    if (isAsync) return isExpect ? `await expect(${call}).rejects.toThrow();` : `await assert.rejects(${call});`;
    return isExpect ? `expect(() => ${call}).toThrow();` : `assert.throws(() => ${call});`;
  });
}

function propertyLines({ name, property }: FunctionPlan, equal: Equal, { language }: Layout): readonly string[] {
  const spread = (args: string) => (language === "typescript" ? `...(${args} as never)` : `...${args}`);
  const { kinds = [], types = [] } = property ?? {};
  const [type] = types;
  const isTyped = types.length === 1 && type !== undefined && /^(number|string|boolean)$/.test(type);
  return [
    `for (const args of examples(${kinds.map((kind) => JSON.stringify(kind)).join(", ")})) {`,
    "  const given = structuredClone(args);",
    `  const result = subject.${name}(${spread("given")});`,
    `  ${equal("given", "args")}`,
    `  ${equal(`subject.${name}(${spread("structuredClone(args)")})`, "result")}`,
    ...(isTyped ? [`  ${equal("typeof result", JSON.stringify(type))}`] : []),
    "}",
  ];
}
