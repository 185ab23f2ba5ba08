import type { ModelMessage } from "../../core/index.ts";
import type { ModelAnswer, ModelUsage, ToolCall } from "../../models/index.ts";
import type { HookDecision } from "../hooks/hook.ts";
import type { TurnBlock, TurnExecution } from "../services.ts";

/** What a turn has come to so far: kept when it ends early. */
export class TurnRecord {
  readonly blocks: TurnBlock[] = [];
  readonly executions: TurnExecution[] = [];
  readonly decisions: HookDecision[] = [];
  /** Runs that the turn started and whose use is not counted yet. */
  readonly startedRuns = new Set<string>();
  /** What the conversation will remember, after the turn's own messages. */
  readonly said: ModelMessage[] = [];
  /** Whether code of this turn has a session to run in. */
  hasSession = false;
  text = "";
  toolCalls: readonly ToolCall[] | undefined;
  finish: ModelAnswer["finish"] | undefined;
  usage: ModelUsage = { inputTokens: 0, outputTokens: 0 };

  addUsage({ inputTokens, outputTokens, dollars }: ModelUsage): void {
    const known = [this.usage.dollars, dollars].filter((value) => value !== undefined);
    this.usage = {
      inputTokens: this.usage.inputTokens + inputTokens,
      outputTokens: this.usage.outputTokens + outputTokens,
      ...(known.length > 0 && { dollars: known.reduce((sum, value) => sum + value, 0) }),
    };
  }

  /** Puts a block in the place that its index says. */
  setBlock(block: TurnBlock): TurnBlock {
    this.blocks[block.index] = block;
    return block;
  }
}
