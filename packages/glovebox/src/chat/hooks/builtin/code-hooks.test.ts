import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Language } from "../../../core/index.ts";
import { runBuiltin } from "./testing.ts";

const LANGUAGES: readonly Language[] = ["python", "javascript", "typescript", "bash", "rust"];

const python = (name: string, options: unknown, code: string) =>
  runBuiltin("pre_execution", name, options, { language: "python", code });

describe("dangerous-patterns", () => {
  it("blocks and says the rule and the line", async () => {
    const rm = await runBuiltin(
      "pre_execution",
      "dangerous-patterns",
      {},
      { language: "bash", code: "ls\nrm -rf /home" },
    );
    expect(rm).toMatchObject({ outcome: "block", reason: expect.stringMatching(/^bash\.delete-root, line 2: /) });
    expect(rm.decisions[0]?.notes).toEqual([{ code: "bash.delete-root", message: expect.stringMatching(/^line 2: /) }]);
    expect(await python("dangerous-patterns", {}, "print('rm -rf /home')")).toMatchObject({ outcome: "allow" });
  });

  it("decides as it is told to", async () => {
    const code = 'import os\nos.system("ls")';
    const outcome = async (decision?: string) => {
      const rules = decision === undefined ? {} : { "python.os-command": decision };
      const result = await python("dangerous-patterns", { rules }, code);
      return [result.outcome, result.decisions[0]?.notes.map((note) => note.code)];
    };
    expect(await outcome()).toEqual(["ask", ["python.os-command"]]);
    expect(await outcome("block")).toEqual(["block", ["python.os-command"]]);
    expect(await outcome("warn")).toEqual(["allow", ["python.os-command"]]);
    expect(await outcome("off")).toEqual(["allow", []]);
  });

  it("has an assistant's own rules", async () => {
    const rule = {
      id: "house.no-sleep",
      language: "python",
      severity: "low",
      decision: "ask",
      message: "no sleeping",
      pattern: { kind: "name", names: ["time.sleep"] },
    };
    const result = await python("dangerous-patterns", { extraRules: [rule] }, "import time\ntime.sleep(1)");
    expect(result).toMatchObject({ outcome: "ask", prompt: "house.no-sleep, line 2: no sleeping" });
  });

  it("leaves errors of syntax to the hook for them, and lets nothing pass that it cannot look into", async () => {
    expect((await python("dangerous-patterns", {}, "x = (")).outcome).toBe("allow");
    expect(await python("dangerous-patterns", {}, `#${"a".repeat(1_000_000)}`)).toMatchObject({
      outcome: "block",
      reason: expect.stringContaining("common.length"),
    });
    expect((await python("dangerous-patterns", {}, "print(1)\0")).outcome).toBe("block");
  });

  it("tells of a thousand findings in the room that an answer has", async () => {
    const result = await python("dangerous-patterns", {}, "eval('1')\n".repeat(1_000));
    expect(result.outcome).toBe("ask");
    expect(result.decisions[0]?.notes).toHaveLength(20);
    expect(result.decisions[0]?.notes.at(-1)?.message).toBe("and 81 more");
  });
});

describe("syntax", () => {
  it("says line and column", async () => {
    const result = await python("syntax", {}, "x = 1\ny = (2\n");
    expect(result).toMatchObject({ outcome: "block", reason: expect.stringMatching(/python.*line 2, column \d+/) });
    expect((await python("syntax", {}, "import os\nos.system('ls')")).decisions[0]?.notes).toEqual([]);
  });

  it("blocks, asks, or only tells", async () => {
    expect((await python("syntax", { action: "block" }, "def")).outcome).toBe("block");
    expect((await python("syntax", { action: "ask" }, "def")).outcome).toBe("ask");
    const told = await python("syntax", { action: "note" }, "def");
    expect([told.outcome, told.decisions[0]?.notes[0]?.code]).toEqual(["allow", "syntax"]);
  });

  it("does not take code for right that is too long to be parsed", async () => {
    expect(await python("syntax", {}, "(".repeat(1_000_000))).toMatchObject({
      outcome: "block",
      reason: expect.stringContaining("not parsed"),
    });
  });
});

describe("limits", () => {
  it("lets tools pass that are no code", async () => {
    const command = { language: "bash", code: "glovebox flow run 'fix-failing'" } as const;
    const options = { languages: ["python"] };
    expect((await runBuiltin("pre_execution", "limits", options, command)).outcome).toBe("block");
    const tool = { ...command, tool: { name: "run_flow", input: { flow: "fix-failing" } } };
    expect((await runBuiltin("pre_execution", "limits", options, tool)).outcome).toBe("allow");
  });

  it("holds code to languages, a length and lines", async () => {
    expect(await python("limits", { languages: ["bash", "rust"] }, "1")).toMatchObject({
      outcome: "block",
      reason: "python is not among bash, rust",
    });
    expect((await python("limits", { languages: ["python"] }, "1")).outcome).toBe("allow");
    expect((await python("limits", {}, "a".repeat(10_001))).outcome).toBe("block");
    expect((await python("limits", {}, "a".repeat(10_000))).outcome).toBe("allow");
    expect((await python("limits", { maxLength: 3 }, "abcd")).outcome).toBe("block");
    expect((await python("limits", { maxLines: 2 }, "a\nb\n")).outcome).toBe("allow");
    expect((await python("limits", { maxLines: 2 }, "a\nb\nc")).outcome).toBe("block");
  });

  it("asks when it is told to", async () => {
    expect(await python("limits", { maxLength: 3, action: "ask" }, "abcd")).toMatchObject({
      outcome: "ask",
      prompt: "the code has 4 characters, of 3 allowed",
    });
  });
});

describe("any code", () => {
  it("gets an answer from every hook that looks at code", async () => {
    const pieces = [
      "eval(",
      ")",
      '"',
      "\n",
      "import os",
      "rm -rf /",
      "use rand::",
      "require('x')",
      "\0",
      "\ud800",
      "😀",
      "{",
      "}",
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...pieces), { maxLength: 40 }),
        fc.constantFrom(...LANGUAGES),
        fc.constantFrom("dangerous-patterns", "syntax", "limits", "dependency-notes"),
        async (parts, language, name) => {
          const { decisions } = await runBuiltin("pre_execution", name, {}, { language, code: parts.join("") });
          expect(decisions[0]?.reason ?? "").not.toContain("failed");
        },
      ),
      { numRuns: 60 },
    );
  });
});
