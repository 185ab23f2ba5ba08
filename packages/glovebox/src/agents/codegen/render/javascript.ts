import { importPathOf, type Layout } from "../../layout/layout.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { asWrittenHere, indented } from "./lines.ts";
import { literal } from "./literal.ts";

export function javascriptFunction(spec: FunctionSpec & { readonly body: string }, layout: Layout): string {
  const isTyped = layout.language === "typescript";
  const params = spec.params.map(({ name, type, default: value }) => {
    const typed = isTyped && type !== undefined ? `${name}: ${type}` : name;
    return value === undefined ? typed : `${typed} = ${value}`;
  });
  const returns = isTyped && spec.returns !== undefined ? `: ${spec.returns}` : "";
  const doc = spec.doc.trim().replaceAll("*/", "*\\/").split("\n");
  const comment =
    doc.length === 1 ? `/** ${doc[0]} */` : ["/**", ...doc.map((line) => ` * ${line}`.trimEnd()), " */"].join("\n");
  const start = layout.modules === "esm" ? "export function" : "function";
  const code = `${comment}\n${start} ${spec.name}(${params.join(", ")})${returns} {\n${indented(spec.body, layout)}\n}\n`;
  return layout.modules === "esm"
    ? code
    : `${code}\n${asWrittenHere(`module.exports.${spec.name} = ${spec.name};`, layout)}\n`;
}

export function intoJavascriptModule(text: string, code: string): string {
  return text.trimEnd() === "" ? code : `${text.trimEnd()}\n\n${code}`;
}

export function javascriptTest(
  spec: FunctionSpec,
  layout: Layout,
  { path, testPath }: { readonly path: string; readonly testPath: string },
): string {
  const { name } = spec;
  const isExpect = layout.testStyle === "vitest" || layout.testStyle === "jest";
  const cases = spec.examples.map((example) => {
    const call = `${name}(${example.args.map((arg) => literal(arg, "javascript")).join(", ")})`;
    if ("throws" in example) return isExpect ? `expect(() => ${call}).toThrow();` : `assert.throws(() => ${call});`;
    const value = literal(example.returns, "javascript");
    return isExpect ? `expect(${call}).toEqual(${value});` : `assert.deepEqual(${call}, ${value});`;
  });
  const run = layout.testStyle === "mocha" ? "it" : "test";
  const head = [...frameworkImports(layout), importOf(layout, `{ ${name} }`, importPathOf(layout, testPath, path))];
  const body = cases.map((line) => `${layout.indent}${line}`).join("\n");
  return asWrittenHere(`${head.join("\n")}\n\n${run}("${name}", () => {\n${body}\n});\n`, layout);
}

export function frameworkImports(layout: Layout): readonly string[] {
  switch (layout.testStyle) {
    case "vitest":
      return [importOf(layout, "{ expect, test }", "vitest")];
    case "jest":
      return []; // its words are everywhere
    case "mocha":
      return [importOf(layout, "assert", "node:assert/strict")];
    default:
      return [importOf(layout, "assert", "node:assert/strict"), importOf(layout, "{ test }", "node:test")];
  }
}

export function importOf({ modules }: Layout, what: string, from: string): string {
  return modules === "esm" ? `import ${what} from "${from}";` : `const ${what} = require("${from}");`;
}
