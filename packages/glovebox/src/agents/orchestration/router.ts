import { z } from "zod";
import type { Agent } from "../agent.ts";
import { summary } from "../messages/make-message.ts";
import { ShortText, TaskType } from "../messages/parts.ts";
import { askJson } from "./ask-json.ts";
import { classify } from "./classify.ts";

/** Characters of English and of code that one token stands for. */
const CHARS_PER_TOKEN = 4;
/** For the answer, on top of the question. */
const ROOM = 1.25;

const Candidate = z.strictObject({
  name: z.string().min(1).max(200),
  /** Types of tasks that it is good at; absent: all alike. */
  types: z.array(TaskType).max(50).optional(),
  /** Tokens that it can read and write together; absent: any number. */
  contextTokens: z.number().int().min(1).optional(),
  /** US dollars for a million tokens; absent: free. */
  price: z.number().min(0).optional(),
});
type Candidate = z.infer<typeof Candidate>;

const RoutePayload = z.strictObject({
  /** What is to be done. */
  text: z.string().min(1).max(200_000),
  /** Default: what the text's words say. */
  type: TaskType.optional(),
  /** Agents or models to choose from; default: only the type is chosen. */
  among: z.array(Candidate).max(100).default([]),
});
type RoutePayload = z.infer<typeof RoutePayload>;

const Choice = z.strictObject({ name: z.string().max(200), reason: ShortText });

/** Chooses the type of a task, and who does it: an agent or a model. */
export const router: Agent<RoutePayload> = {
  name: "router",
  capabilities: ["route"],
  description: "Chooses the type of a task and the agent or model for it: by what each does, reads and costs",
  payload: RoutePayload,
  work: async (host, { payload }) => {
    const { text, among, type = classify(text) } = payload;
    const able = candidatesFor(type, text, among);
    const system = "You choose who does a task. Choose one of the names.";
    const prompt = JSON.stringify({ task: text.slice(0, 4_000), type, among: able });
    const said = able.length < 2 ? undefined : await askJson(host, Choice, { system, prompt });
    const proposed = said !== undefined && "value" in said ? said.value : undefined;
    const isAble = proposed !== undefined && able.some(({ name }) => name === proposed.name);
    const byRules = able[0];
    const chosen = isAble ? proposed.name : byRules?.name;
    const reason = isAble ? `the model: ${proposed.reason}` : reasonFor(type, byRules, among);
    return summary(chosen === undefined ? `${type}: nobody` : `${type}: ${chosen}`, {
      data: { type, ...(chosen !== undefined && { chosen }), by: isAble ? "model" : "rules" },
      artifacts: [
        {
          kind: "selection",
          chosen: chosen ?? null,
          reason: reason.slice(0, 4_000),
          among: among.map(({ name }) => name),
        },
      ],
    });
  },
};

/** Those that can read it, those that are good at it before the others, the cheaper before the dearer, ties by name. */
function candidatesFor(type: TaskType, text: string, among: readonly Candidate[]): readonly Candidate[] {
  const tokens = Math.ceil((text.length / CHARS_PER_TOKEN) * ROOM);
  const isGood = ({ types }: Candidate) => types === undefined || types.includes(type);
  return among
    .filter(({ contextTokens = Number.POSITIVE_INFINITY }) => contextTokens >= tokens)
    .toSorted(
      (a, b) => Number(isGood(b)) - Number(isGood(a)) || (a.price ?? 0) - (b.price ?? 0) || (a.name < b.name ? -1 : 1),
    );
}

function reasonFor(type: TaskType, chosen: Candidate | undefined, among: readonly Candidate[]): string {
  if (among.length === 0) return `the words say ${type}`;
  if (chosen === undefined) return "nobody can read a text of that length";
  const isGood = chosen.types?.includes(type) === true;
  return `${isGood ? `does ${type}` : "nobody is named for it"}, and costs the least of those`;
}
