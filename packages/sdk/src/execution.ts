import type { Executions } from "./executions.ts";
import type { FollowOptions } from "./follow.ts";
import { type Result, resultOf } from "./result.ts";
import type { StoredEvent } from "./types/event.ts";
import type { EventPage, EventPageRequest, ExecutionAnswer, ExecutionInfo, TerminalSize } from "./types/execution.ts";
import type { CallOptions } from "./types/page.ts";

/** One execution: what is known of it, and what can be done with it. Iterate over it to see its events live. */
export class Execution implements AsyncIterable<StoredEvent> {
  readonly id: string;
  readonly #executions: Executions;
  #info: ExecutionInfo;

  constructor(executions: Executions, info: ExecutionInfo) {
    this.id = info.id;
    this.#executions = executions;
    this.#info = info;
  }

  /** What the server told last. */
  get info(): ExecutionInfo {
    return this.#info;
  }

  async refresh(options: CallOptions = {}): Promise<ExecutionInfo> {
    this.#info = await this.#executions.get(this.id, options);
    return this.#info;
  }

  events(request: EventPageRequest = {}, options: CallOptions = {}): Promise<EventPage> {
    return this.#executions.events(this.id, request, options);
  }

  follow(options: FollowOptions = {}): AsyncGenerator<StoredEvent, void> {
    return this.#executions.follow(this.id, options);
  }

  [Symbol.asyncIterator](): AsyncGenerator<StoredEvent, void> {
    return this.follow();
  }

  /** Resolves when it is over, with everything that it gave. */
  async wait(options: CallOptions = {}): Promise<Result> {
    const events: StoredEvent[] = [];
    for await (const event of this.follow(options)) events.push(event);
    return resultOf(await this.refresh(options), events);
  }

  async cancel(options: CallOptions = {}): Promise<ExecutionInfo> {
    this.#info = await this.#executions.cancel(this.id, options);
    return this.#info;
  }

  /** Writes to its standard input. */
  write(data: string | Uint8Array, options: CallOptions = {}): Promise<void> {
    return this.#executions.stdin(this.id, data, options);
  }

  /** Tells it that no more input will come. */
  closeStdin(options: CallOptions = {}): Promise<void> {
    return this.#executions.stdin(this.id, undefined, { ...options, close: true });
  }

  resize(size: TerminalSize, options: CallOptions = {}): Promise<void> {
    return this.#executions.resize(this.id, size, options);
  }
}

/** The result of an answer that was waited for; reads on where it held only the first events. */
export async function resultOfAnswer(
  executions: Executions,
  answer: ExecutionAnswer,
  options: CallOptions = {},
): Promise<Result> {
  const events = [...(answer.events ?? [])];
  let afterSeq = answer.events === undefined ? 0 : answer.nextAfterSeq;
  while (afterSeq !== undefined) {
    const page = await executions.events(answer.execution.id, { afterSeq, limit: 10_000 }, options);
    events.push(...page.items);
    afterSeq = page.items.length === 0 ? undefined : page.nextAfterSeq;
  }
  return resultOf(answer.execution, events);
}
