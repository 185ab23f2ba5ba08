/** Time between two pictures, milliseconds. */
const FRAME_MS = 100;

/**
 * Lines on a terminal that are drawn again and again in place. Each is cut where the terminal ends, by the terminal, which knows how wide its letters are.
 */
export class Screen implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #draw: (frame: number, maxLines: number) => readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #onExit = () => this.#stream.write(SHOW);
  #lines = 0;
  #frame = 0;

  constructor(stream: NodeJS.WriteStream, draw: (frame: number, maxLines: number) => readonly string[]) {
    this.#stream = stream;
    this.#draw = draw;
    stream.write(HIDE);
    process.once("exit", this.#onExit);
    this.#timer = setInterval(() => this.#redraw(), FRAME_MS);
  }

  /** Ends the drawing and leaves these lines, however many. */
  finish(lines: readonly string[]): void {
    this.#paint(lines);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.off("exit", this.#onExit);
    this.#stream.write(SHOW);
  }

  #redraw(): void {
    // What a slow terminal has not shown yet need not be drawn over.
    if (this.#stream.writableNeedDrain) return;
    this.#paint(this.#draw(this.#frame, Math.max(2, this.#stream.rows - 1)));
    this.#frame += 1;
  }

  #paint(lines: readonly string[]): void {
    const back = this.#lines === 0 ? "\r" : `\x1b[${this.#lines}F`;
    this.#stream.write(`${back}${lines.map((line) => `\x1b[K${line}\n`).join("")}\x1b[J`);
    this.#lines = lines.length;
  }
}

/** No cursor, and no line that goes on in the next one; and back. */
const HIDE = "\x1b[?25l\x1b[?7l";
const SHOW = "\x1b[?25h\x1b[?7h";
