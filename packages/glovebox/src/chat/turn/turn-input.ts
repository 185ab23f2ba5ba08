import { z } from "zod";
import type { ModelMessage } from "../../core/index.ts";
import { Assistant } from "../assistants/assistant.ts";
import type { TurnAsk, TurnResult } from "../services.ts";

/** The name of the program that every turn is a run of. */
export const CHAT_TURN = "chat-turn";

/** A message as the service has checked it: no run begins that the service did not start. */
const Message = z.custom<ModelMessage>((value) => typeof value === "object" && value !== null && "role" in value);

/** Everything that decides: a replay needs no configuration. It names the environment variables of keys and holds no keys. */
export const TurnRunInput = z.strictObject({
  conversationId: z.string(),
  /** As it was configured when the turn began. */
  assistant: Assistant,
  model: z.string(),
  /** What was said before, as much as a model is told. */
  history: z.array(Message),
  messages: z.array(Message),
  ask: z.custom<TurnAsk>((value) => typeof value === "object" && value !== null).optional(),
  /** Tools of the assistant's that whoever asked may not use. */
  forbidden: z.array(z.string()).optional(),
  /** Of the request with its idempotency key: what it must be again for the same turn to be found. */
  requestHash: z.string().optional(),
});
export type TurnRunInput = z.infer<typeof TurnRunInput>;

export const TurnRunOutput = z.custom<TurnResult>((value) => typeof value === "object" && value !== null);
