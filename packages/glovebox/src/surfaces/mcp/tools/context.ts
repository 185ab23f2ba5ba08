import { z } from "zod";
import { BoundedText } from "../bounded-text.ts";
import { MCP_LIMITS } from "../limits.ts";
import { defineTool } from "../tool.ts";

const MAX_HITS = 20;

export const searchContext = defineTool({
  name: "search_context",
  title: "Search the context store",
  description:
    "Finds pieces of what is known about the project, by words and by nearness: code, notes, test results, lessons. Each comes with its path and lines.",
  operations: ["context.search"],
  readOnly: true,
  input: z.strictObject({
    query: z.string().min(1).max(4_096),
    filter: z.string().max(4_096).optional().describe("`key=value …`: kind, path, origin, or a name of the metadata"),
    scopes: z.array(z.string().max(140)).min(1).max(16).optional(),
    k: z.int().min(1).max(MAX_HITS).optional().describe("How many; default 8"),
  }),
  output: z.object({
    hits: z.array(
      z.object({
        id: z.string(),
        path: z.string().optional(),
        kind: z.string(),
        version: z.number(),
        startLine: z.number(),
        endLine: z.number(),
        score: z.number(),
        text: z.string(),
      }),
    ),
    truncated: z.boolean(),
  }),
  run: async ({ query, filter, scopes, k = 8 }, call) => {
    const { hits } = await call.box.context.search({ query, filter, scopes, k }, { signal: call.signal });
    const share = Math.floor(MCP_LIMITS.textCharacters / Math.max(1, hits.length));
    let truncated = false;
    const shown = hits.map(({ id, path, kind, version, lines, score, chunk }) => {
      const text = new BoundedText(share);
      text.take(chunk);
      truncated ||= text.isCut;
      const place = { id, ...(path !== undefined && { path }), kind, version };
      return { ...place, startLine: lines.start, endLine: lines.end, score, text: text.toString() };
    });
    const blocks = shown.map(
      ({ id, path, startLine, endLine, text }) => `${path ?? id}:${startLine}-${endLine}\n${text}`,
    );
    return { structured: { hits: shown, truncated }, text: [`${hits.length} found; pieces below`, ...blocks] };
  },
});
