import type { ObjectReader } from "@actions/workflow-parser/templates/object-reader";
import { EventType, type ParseEvent } from "@actions/workflow-parser/templates/parse-event";
import type {
  LiteralToken,
  MappingToken,
  SequenceToken,
  TemplateToken,
} from "@actions/workflow-parser/templates/tokens/index";

/** Hands a list of parse events to the library's reader, one after the other. */
export class EventReader implements ObjectReader {
  readonly #events: readonly ParseEvent[];
  #at = 0;

  constructor(events: readonly ParseEvent[]) {
    this.#events = events;
  }

  allowLiteral(): LiteralToken | undefined {
    return this.#take(EventType.Literal)?.token as LiteralToken | undefined;
  }

  allowSequenceStart(): SequenceToken | undefined {
    return this.#take(EventType.SequenceStart)?.token as SequenceToken | undefined;
  }

  allowSequenceEnd(): boolean {
    return this.#take(EventType.SequenceEnd) !== undefined;
  }

  allowMappingStart(): MappingToken | undefined {
    return this.#take(EventType.MappingStart)?.token as MappingToken | undefined;
  }

  allowMappingEnd(): boolean {
    return this.#take(EventType.MappingEnd) !== undefined;
  }

  validateStart(): void {
    this.#expect(EventType.DocumentStart);
  }

  validateEnd(): void {
    this.#expect(EventType.DocumentEnd);
  }

  #take(type: EventType): { readonly token?: TemplateToken | undefined } | undefined {
    const event = this.#events[this.#at];
    if (event?.type !== type) return undefined;
    this.#at += 1;
    return event;
  }

  #expect(type: EventType): void {
    if (this.#take(type) === undefined) throw new Error(`Expected ${EventType[type]}`);
  }
}
