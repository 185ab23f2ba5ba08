import { importPathOf, type Layout } from "../../layout/layout.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { indented } from "./lines.ts";
import { literal } from "./literal.ts";

export function pythonFunction(spec: FunctionSpec & { readonly body: string }, layout: Layout): string {
  const params = spec.params.map(({ name, type, default: value }) => {
    if (value === undefined) return type === undefined ? name : `${name}: ${type}`;
    return type === undefined ? `${name}=${value}` : `${name}: ${type} = ${value}`;
  });
  const returns = spec.returns === undefined ? "" : ` -> ${spec.returns}`;
  const doc = `"""${spec.doc.trim().replaceAll("\\", "\\\\").replaceAll('"""', '\\"\\"\\"')}"""`;
  return `def ${spec.name}(${params.join(", ")})${returns}:\n${indented(doc, layout)}\n${indented(spec.body, layout)}\n`;
}

/** The function at the end of a module, before what runs it as a program. */
export function intoPythonModule(text: string, code: string): string {
  const main = text.search(/^if __name__ ==/m);
  const [head, tail] = main < 0 ? [text, ""] : [text.slice(0, main), text.slice(main)];
  const before = head.trimEnd() === "" ? "" : `${head.trimEnd()}\n\n\n`;
  return tail === "" ? `${before}${code}` : `${before}${code}\n\n${tail}`;
}

export function pythonTest(
  spec: FunctionSpec,
  layout: Layout,
  { path, testPath }: { path: string; testPath: string },
): string {
  const { name } = spec;
  const module = importPathOf(layout, testPath, path);
  const cases = spec.examples.map((example) => {
    const call = `${name}(${example.args.map((arg) => literal(arg, "python")).join(", ")})`;
    return "throws" in example ? { call } : { call, returns: literal(example.returns, "python") };
  });
  const lines: string[] = [];
  if (layout.testStyle === "pytest") {
    if (cases.some(({ returns }) => returns === undefined)) lines.push("import pytest", "");
    lines.push(`from ${module} import ${name}`, "", "", `def test_${name}():`);
    for (const { call, returns } of cases) {
      if (returns === undefined) lines.push(`    with pytest.raises(Exception):`, `        ${call}`);
      else lines.push(`    assert ${call} == ${returns}`);
    }
    return `${lines.join("\n")}\n`;
  }
  lines.push("import unittest", "", `from ${module} import ${name}`, "", "");
  lines.push(`class ${classNameOf(name)}(unittest.TestCase):`, `    def test_${name}(self):`);
  for (const { call, returns } of cases) {
    if (returns === undefined) lines.push(`        with self.assertRaises(Exception):`, `            ${call}`);
    else lines.push(`        self.assertEqual(${call}, ${returns})`);
  }
  lines.push("", "", 'if __name__ == "__main__":', "    unittest.main()");
  return `${lines.join("\n")}\n`;
}

function classNameOf(name: string): string {
  const words = name.split("_").filter((word) => word !== "");
  return `${words.map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join("")}Test`;
}
