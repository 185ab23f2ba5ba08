import { extractCode } from "../../../chat/index.ts";
import type { extractOperations } from "../../operations/extract.ts";
import type { HandlersOf } from "../call.ts";
import type { HandlerContext } from "../options.ts";
import { parseExecute } from "./parse-execute.ts";

export function extractHandlers(context: HandlerContext): HandlersOf<typeof extractOperations> {
  return {
    "chat.extract": async ({ body, signal }) => {
      const { text, ...options } = body;
      return await extractCode(text, options, signal);
    },
    "chat.parseExecute": async (call) => await parseExecute(context, call),
  };
}
