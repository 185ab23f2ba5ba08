import type { Approval, Turn, TurnBlock, TurnEvent, TurnExecution } from "@glovebox/sdk";
import type { Colours } from "../render/colours.ts";
import { printable, printableLine } from "../render/printable.ts";

const MARKS: Readonly<Record<TurnBlock["decision"], string>> = {
  executed: "▶",
  shown: "·",
  blocked: "✗",
  refused: "✗",
  disabled: "·",
};

const CODE_TOOL = "execute_code";

/** What a code's value is that a person need not see. */
const NOTHING: ReadonlySet<string> = new Set(["null", "undefined", ""]);

/**
 * Shows a turn as it happens: the model's words, what was decided about each block, what it printed, how it ended. All of it comes from a model or a program, so
 * whatever a terminal would obey is shown as its escape.
 */
export class TurnView {
  readonly #write: (text: string) => void;
  readonly #colours: Colours;
  #said = "";
  #attempt = 1;
  #atLineStart = true;
  #printed = new Set<string>();

  constructor(write: (text: string) => void, colours: Colours) {
    this.#write = write;
    this.#colours = colours;
  }

  take(event: TurnEvent): void {
    if (event.type === "text") this.#text(event.text, event.attempt);
    else if (event.type === "decision") this.#decision(event);
    else if (event.type === "block") this.#block(event.block);
    else if (event.type === "tool_called") this.#toolCalled(event);
    else if (event.type === "tool_answered") this.#toolAnswered(event);
    else if (event.type === "output") {
      this.#printed.add(event.executionId);
      this.#output(event.text, event.stream);
    } else if (event.type === "execution") this.#execution(event.execution);
    else if (event.type === "completed") this.#completed(event.result);
  }

  /** The question, with the code that it is about. */
  approval({ prompt, code, language }: Approval): void {
    this.#line(this.#colours.yellow(`? ${printableLine(prompt, 2000)}`));
    if (code !== undefined) this.#code(code, language ?? "");
  }

  note(text: string): void {
    this.#line(this.#colours.dim(text));
  }

  #text(text: string, attempt: number): void {
    if (attempt > this.#attempt && this.#said !== "") this.note("the answer broke off; the model begins again");
    if (attempt > this.#attempt) this.#said = "";
    this.#attempt = attempt;
    this.#said += text;
    this.#put(printable(text));
  }

  #decision({ decision }: Extract<TurnEvent, { type: "decision" }>): void {
    for (const { message } of decision.notes) this.note(`  ${printableLine(decision.hook)}: ${printableLine(message)}`);
    if (decision.decision === "allow") return;
    const why = decision.reason === undefined ? "" : `: ${printableLine(decision.reason)}`;
    this.note(`  ${printableLine(decision.hook)} ${decision.decision}${why}`);
  }

  #block({ decision, language, code, start, reason, rule, notes }: TurnBlock): void {
    const paint = decision === "executed" ? this.#colours.cyan : this.#colours.yellow;
    const by = rule === undefined || reason.includes(rule) ? "" : ` [${rule}]`;
    this.#line(paint(`${MARKS[decision]} ${language ?? "code"} ${decision}: ${printableLine(reason)}${by}`));
    // What stands in the answer has been shown already.
    if (start === undefined) this.#code(code, language ?? "");
    for (const { message } of notes) this.note(`  ${printableLine(message)}`);
  }

  /** Code that runs is shown as the block that it is. */
  #toolCalled({ name, input }: Extract<TurnEvent, { type: "tool_called" }>): void {
    if (name === CODE_TOOL) return;
    this.#line(
      this.#colours.cyan(`${MARKS.executed} ${printableLine(name)} ${printableLine(JSON.stringify(input), 300)}`),
    );
  }

  #toolAnswered({ name, isError }: Extract<TurnEvent, { type: "tool_answered" }>): void {
    if (name === CODE_TOOL) return;
    this.#line(`  └ ${isError ? this.#colours.red("error") : this.#colours.green("ok")}`);
  }

  #code(code: string, language: string): void {
    for (const line of code.trimEnd().split("\n")) {
      this.#line(this.#colours.dim(`  ${language === "" ? "" : "│ "}`) + printable(line));
    }
  }

  #output(text: string, stream: "stdout" | "stderr"): void {
    const paint = stream === "stderr" ? this.#colours.red : (plain: string) => plain;
    const lines = printable(text).split("\n");
    lines.forEach((line, at) => {
      if (line !== "") this.#put((this.#atLineStart ? this.#colours.dim("  │ ") : "") + paint(line));
      if (at < lines.length - 1) this.#put("\n");
    });
  }

  #execution({ id, status, exitCode, stdout, stderr, value, truncated, rolledBack }: TurnExecution): void {
    if (!this.#printed.has(id)) {
      this.#output(stdout, "stdout");
      this.#output(stderr, "stderr");
    }
    const shown = value !== undefined && !NOTHING.has(value);
    if (shown) this.#line(this.#colours.dim("  │ ") + this.#colours.green(printable(value)));
    const paint = status === "ok" ? this.#colours.green : this.#colours.red;
    const notes = [
      exitCode !== undefined && exitCode !== 0 ? `exit code ${exitCode}` : "",
      truncated ? "output cut" : "",
      rolledBack ? "rolled back to the last known good state" : "",
    ].filter((note) => note !== "");
    this.#line(`  └ ${paint(status)}${notes.length === 0 ? "" : this.#colours.dim(`, ${notes.join(", ")}`)}`);
  }

  #completed({ text, status, error }: Turn): void {
    // What was said before anybody looked.
    if (this.#said === "" && text !== "") this.#put(printable(text));
    if (status === "cancelled") this.#line(this.#colours.yellow("cancelled"));
    if (status === "error") {
      const { code = "internal", message = "the turn failed" } = error ?? {};
      this.#line(`${this.#colours.red("the turn failed:")} ${printable(message)} ${this.#colours.dim(`(${code})`)}`);
    }
    if (!this.#atLineStart) this.#put("\n");
  }

  #line(text: string): void {
    this.#put(`${this.#atLineStart ? "" : "\n"}${text}\n`);
  }

  #put(text: string): void {
    if (text === "") return;
    this.#write(text);
    this.#atLineStart = text.endsWith("\n");
  }
}
