import type { JournalRecord, RecordWith } from "../journal/record.ts";
import { type JsonValue, toJsonValue } from "../json-value.ts";
import type { Continuation, Program } from "../program.ts";

/** Undoing a step has the step's path behind that. */
const COMPENSATE = "compensate/";

/** Reads a journal that older versions of a program wrote as if the present one had, as far as that one declares it. */
export class Migration {
  readonly #continues: readonly Continuation[];
  readonly #without: Continuation["without"];
  readonly #sameInput = new WeakSet<JournalRecord>();
  /** Of the version whose records come now. */
  #declared: Continuation | undefined;

  constructor({ continues }: Program, opening: RecordWith<"run.started">) {
    this.#continues = continues;
    this.#writtenBy(opening.payload.version);
    this.#without = this.#declared?.without;
  }

  /** To be given every record, in order. */
  take(record: JournalRecord): JournalRecord {
    if (record.type === "run.resumed") this.#writtenBy(record.payload.version);
    if (this.#declared === undefined || record.step === undefined) return record;
    const { rename = {}, sameInput = [] } = this.#declared;
    const taken = { ...record, step: renamed(record.step, rename) };
    if (sameInput.includes(taken.step)) this.#sameInput.add(taken);
    return taken;
  }

  /** Whether a record that {@link take} gave stands for any input. */
  takesAnyInput(record: JournalRecord): boolean {
    return this.#sameInput.has(record);
  }

  /** What the program gets for an operation that its run does without. */
  insteadOf(path: string): { readonly value: JsonValue | undefined } | undefined {
    if (this.#without === undefined || !Object.hasOwn(this.#without, path)) return undefined;
    const value = this.#without[path];
    return { value: value === undefined ? undefined : toJsonValue(value, `what is given instead of ${path}`) };
  }

  #writtenBy(version: string): void {
    this.#declared = this.#continues.find((one) => one.version === version);
  }
}

function renamed(path: string, rename: NonNullable<Continuation["rename"]>): string {
  if (path.startsWith(COMPENSATE)) return COMPENSATE + renamed(path.slice(COMPENSATE.length), rename);
  // The longest is the most exact one.
  const [old] = Object.keys(rename)
    .filter((one) => path.startsWith(one) && /^(#\d+)?(\/|$)/.test(path.slice(one.length)))
    .toSorted((a, b) => b.length - a.length);
  return old === undefined ? path : `${rename[old]}${path.slice(old.length)}`;
}
