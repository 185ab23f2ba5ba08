import { z } from "zod";
import { extractOperations } from "../../operations/extract.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool } from "../tool.ts";

const { text } = extractOperations["chat.extract"].body.shape;

export const extractCode = defineTool({
  name: "extract_code",
  title: "Find code in a text",
  description: "Finds the code in a model's answer and how sure it is that it is meant to run. Nothing is run.",
  operations: ["chat.extract"],
  readOnly: true,
  input: z.strictObject({ text }),
  output: z.object({
    blocks: z.array(
      z.object({
        language: z.string().nullable(),
        code: z.string(),
        confidence: z.number(),
        intent: z.string(),
        start: z.number(),
        end: z.number(),
      }),
    ),
    suggestedAction: z.string(),
    leftOut: z.number().describe("Blocks that are not here"),
  }),
  run: async ({ text }, call) => {
    const extraction = await call.box.extract(text, { signal: call.signal });
    let characters = 0;
    const blocks = extraction.blocks
      .map(({ language, code, confidence, intent, start, end }) => ({
        ...{ language, code: code.toWellFormed(), confidence, intent, start, end },
      }))
      .filter(({ code }) => {
        characters += code.length;
        return characters <= MCP_LIMITS.textCharacters;
      });
    const leftOut = extraction.leftOut + extraction.blocks.length - blocks.length;
    const { suggestedAction } = extraction.intent;
    const count = `${blocks.length} blocks${leftOut === 0 ? "" : `, ${leftOut} left out`}`;
    return {
      structured: { blocks, suggestedAction, leftOut },
      text: [
        `${count}; suggested: ${suggestedAction}`,
        ...blocks.map(({ language, confidence, code }) => `${language ?? "?"} ${confidence.toFixed(2)}\n${code}`),
      ],
    };
  },
});
