import { parseAction } from "../parse-action.ts";
import { parseWorkflow } from "../parse-workflow.ts";

/** What the threads that read workflow files can be asked for. */
export const readings = { workflow: parseWorkflow, action: parseAction };
