import { extractCode } from "../../../chat/index.ts";
import type { extractOperations } from "../../operations/extract.ts";
import type { HandlersOf } from "../call.ts";

export function extractHandlers(): HandlersOf<typeof extractOperations> {
  return {
    "chat.extract": async ({ body, signal }) => {
      const { text, ...options } = body;
      return await extractCode(text, options, signal);
    },
  };
}
