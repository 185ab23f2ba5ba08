import { invalid } from "./invalid.ts";

/** How many characters and items one expression may read and write altogether: some tens of milliseconds. */
const MAX_WORK = 32 * 1024 * 1024;

/** The longest text that an expression may make. GitHub ends an evaluation at 10 MiB of memory. */
export const MAX_TEXT_LENGTH = 4 * 1024 * 1024;

/** What one evaluation has spent. Expressions have no loops, but `format('{0}{0}', format('{0}{0}', …))` doubles at each level. */
export class WorkBudget {
  #spent = 0;

  /** Accounts for reading `size` characters or items. */
  spend(size: number): void {
    this.#spent += size;
    if (this.#spent > MAX_WORK) throw invalid("The expression takes too much work to evaluate");
  }

  /** Accounts for making a text of `length` characters: called before it is made. */
  spendOnText(length: number): void {
    if (length > MAX_TEXT_LENGTH) throw invalid(`The expression's result is longer than ${MAX_TEXT_LENGTH} characters`);
    this.spend(length);
  }
}
