import { describe, expect, it } from "vitest";
import { HOOK_POINTS } from "../hook.ts";
import { BUILTIN_HOOKS, builtinHook } from "./index.ts";
import { stageServices } from "./testing.ts";

describe("built-in hooks", () => {
  it("are found by name, and look at the points they say", () => {
    expect(new Set(BUILTIN_HOOKS.map(({ name }) => name)).size).toBe(BUILTIN_HOOKS.length);
    for (const { name, points, description } of BUILTIN_HOOKS) {
      const hooks = builtinHook(name, {}, stageServices());
      expect(hooks.map((hook) => hook.point).sort(), name).toEqual([...points].sort());
      expect(hooks.every((hook) => hook.name === name && HOOK_POINTS.includes(hook.point))).toBe(true);
      expect(description).not.toBe("");
    }
  });

  it("refuse an unknown name and say which there are", () => {
    expect(() => builtinHook("sytnax", {}, stageServices())).toThrow(
      expect.objectContaining({ code: "invalid_argument", message: expect.stringContaining("syntax") }),
    );
    expect(() => builtinHook("__proto__", {}, stageServices())).toThrow(/no built-in hook/);
  });

  it.each(BUILTIN_HOOKS)("$name refuses an option it does not have, and what is no options", ({ name }) => {
    for (const options of [{ nonsense: 1 }, null, undefined, [], "x"]) {
      expect(() => builtinHook(name, options, stageServices()), String(options)).toThrow(
        expect.objectContaining({ code: "invalid_argument", details: { hook: name } }),
      );
    }
  });

  it.each([
    ["dangerous-patterns", { rules: { "python.evil": "block" } }],
    ["dangerous-patterns", { rules: { "python.eval": "maybe" } }],
    ["dangerous-patterns", { rules: { "common.length": "off" } }],
    ["limits", { languages: ["cobol"] }],
    ["limits", { maxLength: 0 }],
    ["syntax", { action: "warn" }],
    ["execution-log", { level: "loud" }],
    ["output-sanitiser", { points: [] }],
    ["dependency-notes", { packages: { cobol: [] } }],
    ["dependency-notes", { action: "off" }],
    ["prompt-injection", { action: "off" }],
    ["prompt-injection", { sensitivity: 0.5 }],
  ])("%s refuses %j", (name, options) => {
    expect(() => builtinHook(name, options, stageServices())).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });
});
