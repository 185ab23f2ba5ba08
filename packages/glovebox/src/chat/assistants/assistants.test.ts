import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Assistant } from "./assistant.ts";
import { openAssistants } from "./assistant-service.ts";

const YAML = `name: helper
model:
  provider: openai
  name: tiny
  baseUrl: http://127.0.0.1:1/v1
execution:
  enabled: true
`;

describe("assistants of a folder", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "glovebox-assistants-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));
  const put = (name: string, text: string) => writeFile(join(dir, name), text);

  it("are read, with what was left out", async () => {
    await put("helper.yaml", YAML);
    await put("notes.txt", "not one");
    const assistants = await openAssistants(dir);
    expect(assistants.get("helper")).toMatchObject({
      model: { temperature: 0 },
      execution: { enabled: true, mode: "answer", autoExecuteThreshold: 0.8, askThreshold: 0.5, maxCodeLength: 10_000 },
      hooks: [],
    });
    expect(() => assistants.get("other")).toThrow(expect.objectContaining({ code: "not_found" }));
    expect((await openAssistants(undefined)).list()).toEqual([]);
  });

  it("are read again when asked, all or none", async () => {
    await put("helper.yaml", YAML);
    const assistants = await openAssistants(dir);
    await put("b.yaml", YAML.replace("helper", "another"));
    expect((await assistants.reload()).map(({ name }) => name)).toEqual(["another", "helper"]);
    await put("helper.yaml", YAML.replace("tiny", "big"));
    await put("b.yaml", "name: [");
    await expect(assistants.reload()).rejects.toMatchObject({ code: "invalid_argument" });
    expect(assistants.get("helper").model.name).toBe("tiny");
    expect(assistants.list()).toHaveLength(2);
  });

  it("say where they are wrong", async () => {
    const wrong: Record<string, [string, RegExp]> = {
      "an unknown field": [YAML.replace("enabled", "enable"), /line 7.*execution.*enable/],
      "a wrong value": [`${YAML}  timeoutMs: soon\n`, /line 8, column 14: execution.timeoutMs/],
      "no address": [YAML.replace(/ {2}baseUrl.*\n/, ""), /model.baseUrl/],
      "a key in the file": [YAML.replace("name: tiny", "name: tiny\n  apiKey: sk-123"), /apiKey/],
      "the same key twice": [`${YAML}name: again\n`, /unique/],
      "no YAML": ["\tname: x", /./],
      "a bomb of aliases": [
        `a: &a [1,1,1,1,1,1,1,1,1,1]\n${Array.from(
          { length: 9 },
          (_, i) =>
            `b${i}: &b${i} [${Array(10)
              .fill(i === 0 ? "*a" : `*b${i - 1}`)
              .join(",")}]`,
        ).join("\n")}`,
        /./,
      ],
      nothing: ["", /./],
    };
    for (const [what, [text, message]] of Object.entries(wrong)) {
      await put("wrong.yaml", text);
      const error: Error = await openAssistants(dir).then(
        () => expect.unreachable(what),
        (thrown) => thrown,
      );
      expect(error.message, what).toMatch(message);
      expect(error.message, what).toContain("wrong.yaml");
    }
  });

  it("are refused when two have one name, but may replace a built-in one", async () => {
    await put("a.yaml", YAML);
    const builtin = Assistant.parse({ name: "helper", model: { provider: "ollama", name: "other" } });
    expect((await openAssistants(dir, [builtin])).get("helper").model.name).toBe("tiny");
    await put("b.yaml", YAML);
    await expect(openAssistants(dir)).rejects.toThrow(/a\.yaml already/);
  });
});
