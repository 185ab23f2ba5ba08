import type { RedactorStream } from "../../core/index.ts";
import type { TurnScope } from "./turn-scope.ts";

/**
 * Tells the text of one answer while it comes, masked. Where hooks see an answer before people do, it is held until they have: then it is told whole, as they left it.
 */
export class TextTeller {
  readonly #scope: TurnScope;
  #stream: RedactorStream;
  #attempt = 1;
  #isHeld = true;
  #hasTold = false;

  constructor(scope: TurnScope) {
    this.#scope = scope;
    this.#stream = scope.parts.redactor.stream();
  }

  /** In the work of the step: looks who sees the answer first. */
  async prepare(): Promise<void> {
    this.#isHeld = (await this.#scope.hooks()).some(({ point }) => point === "post_llm");
  }

  tell(text: string, attempt: number): void {
    if (this.#isHeld) return;
    if (attempt !== this.#attempt) this.#stream = this.#scope.parts.redactor.stream();
    this.#attempt = attempt;
    this.#emit(this.#stream.push(text));
  }

  /** The answer is there, as the hooks left it. */
  end(text: string): void {
    this.#emit(this.#isHeld && !this.#hasTold ? text : this.#stream.flush());
  }

  #emit(text: string): void {
    if (text === "") return;
    this.#hasTold = true;
    this.#scope.emit({ type: "text", text, attempt: this.#attempt });
  }
}
