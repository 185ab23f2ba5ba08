import { z } from "zod";
import { AgentName, ShortText, TaskType } from "../messages/parts.ts";

/** How an outside agent makes itself known. */
export const AgentRegistration = z.strictObject({
  name: AgentName,
  /** Types of tasks that it does. */
  capabilities: z.array(TaskType).min(1).max(50),
  description: ShortText.optional(),
  /** Tasks that it does at a time. Default 1. */
  maxTasks: z.number().int().min(1).max(100).optional(),
});
export type AgentRegistration = z.infer<typeof AgentRegistration>;
