import fc from "fast-check";
import { expect, test } from "vitest";
import type { Language } from "../../core/index.ts";
import { RULES, type RuleDecision, RuleSchema, type ValidateOptions, validateCode } from "../index.ts";

test("the rules are data of their own schema, each id once", () => {
  for (const rule of RULES) expect(() => RuleSchema.parse(rule), rule.id).not.toThrow();
  expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
});

test("a finding says where it is, what it is, and by which rule", async () => {
  const { decision, findings } = await validateCode("import os\n\nif True:\n    os.system('rm -rf /')\n", "python");
  expect(decision).toBe("block");
  expect(findings).toEqual([
    expect.objectContaining({
      ruleId: "bash.delete-root",
      decision: "block",
      line: 4,
      column: 5,
      endLine: 4,
      excerpt: "os.system('rm -rf /')",
    }),
    expect.objectContaining({ ruleId: "python.os-command", decision: "ask", severity: "high", line: 4, column: 5 }),
  ]);
});

test("columns count UTF-16 units", async () => {
  const { findings } = await validateCode('x = "😀é"; eval("1")', "python");
  expect(findings).toEqual([expect.objectContaining({ ruleId: "python.eval", line: 1, column: 12 })]);
});

test("syntax errors are told with their place", async () => {
  const { decision, syntaxErrors } = await validateCode("x = 1\ny = (2\n", "python");
  expect(decision).toBe("block");
  expect(syntaxErrors[0]).toMatchObject({ line: 2 });
});

test("what an option changes", async () => {
  const code = 'import os\nos.system("ls")';
  const decide = async (decision: RuleDecision | "off") =>
    (await validateCode(code, "python", { rules: { "python.os-command": { decision } } })).decision;
  expect((await validateCode(code, "python")).decision).toBe("ask");
  expect([await decide("block"), await decide("warn"), await decide("off")]).toEqual(["block", "allow", "allow"]);
  const milder = await validateCode(code, "python", { rules: { "python.os-command": { severity: "low" } } });
  expect(milder.findings[0]?.severity).toBe("low");
  expect((await validateCode("ls", "bash", { allowedLanguages: ["python"] })).findings[0]?.ruleId).toBe(
    "common.language",
  );
  expect((await validateCode("x = 12345", "python", { maxLength: 5 })).findings[0]?.ruleId).toBe("common.length");
  expect((await validateCode(`x = "${"a".repeat(10_001)}"`, "python")).findings[0]?.ruleId).toBe("common.length");
  expect((await validateCode(`x = "${"a".repeat(10_001)}"`, "python", { maxLength: 20_000 })).decision).toBe("allow");
});

test("an assistant's own rules are looked for beside the built-in ones", async () => {
  const rule = {
    id: "house.no-sleep",
    language: "python",
    severity: "low",
    decision: "block",
    message: "no sleeping",
  } as const;
  const extraRules: NonNullable<ValidateOptions["extraRules"]> = [
    { ...rule, pattern: { kind: "name", names: ["time.sleep"] } },
  ];
  const { findings } = await validateCode("from time import sleep as s\ns(1)", "python", { extraRules });
  expect(findings).toEqual([expect.objectContaining({ ruleId: "house.no-sleep", message: "no sleeping", line: 2 })]);
  await expect(
    validateCode("", "python", { extraRules: [{ ...extraRules[0], id: "python.eval" } as never] }),
  ).rejects.toMatchObject({ code: "invalid_argument" });
});

test.each([
  ["a field", { maxLenght: 5 }],
  ["a field of a rule", { rules: { "python.eval": { decisoin: "warn" } } }],
  ["a rule", { rules: { "python.evil": { decision: "warn" } } }],
  ["a decision", { rules: { "python.eval": { decision: "maybe" } } }],
  ["a language", { allowedLanguages: ["cobol"] }],
])("%s that is unknown is an error", async (_what, options) => {
  await expect(validateCode("1", "python", options as never)).rejects.toMatchObject({ code: "invalid_argument" });
});

test("binary code, and 10 MB of it, are refused without being parsed", async () => {
  expect((await validateCode("print(1)\0", "python")).findings.map(({ ruleId }) => ruleId)).toContain("common.binary");
  expect((await validateCode('"\ud800"', "javascript")).findings.map(({ ruleId }) => ruleId)).toContain(
    "common.binary",
  );
  const huge = await validateCode("a".repeat(10_000_000), "python", { maxLength: 200_000 });
  expect(huge.findings.map(({ ruleId }) => ruleId)).toEqual(["common.length"]);
});

const LANGUAGES: readonly Language[] = ["python", "javascript", "typescript", "bash", "rust"];

test("code that nests as deep as it is long gets an answer, or is refused", async () => {
  const deep = ["(", "[", "{", "$(", "a(", "f'{", "if x:\n ", "-", "a.", "x = ", "not ", "`${"];
  for (const language of LANGUAGES) {
    for (const piece of deep) {
      const code = piece.repeat(20_000 / piece.length);
      const { decision } = await validateCode(code, language, { maxLength: 30_000 });
      expect(["allow", "ask", "block"]).toContain(decision);
    }
  }
});

test("pieces of code in any order never break validation, and its places lie in the code", async () => {
  const pieces = [
    "eval",
    "(",
    ")",
    '"',
    "'",
    "rm -rf /",
    "\n",
    " ",
    "import os as o",
    "o.system",
    "$(",
    "${",
    "|",
    "sh",
    ";",
    "unsafe {",
    "}",
    "`",
    "\\",
    "\0",
    "\ud800",
    "é",
    "😀",
    "<<EOF",
    "&",
    "=>",
    ":",
    "[",
    "]",
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...pieces), { maxLength: 60 }),
      fc.constantFrom(...LANGUAGES),
      async (parts, language) => {
        const code = parts.join("");
        const { decision, findings } = await validateCode(code, language);
        const lines = code.split("\n");
        const strictest = findings.some((one) => one.decision === "block")
          ? "block"
          : findings.some((one) => one.decision === "ask")
            ? "ask"
            : "allow";
        expect(decision).toBe(strictest);
        for (const { line, column } of findings) {
          expect(line).toBeLessThanOrEqual(lines.length);
          expect(column).toBeLessThanOrEqual((lines[line - 1]?.length ?? 0) + 1);
        }
      },
    ),
    { numRuns: 150 },
  );
});
