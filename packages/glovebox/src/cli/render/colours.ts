type Paint = (text: string) => string;

export interface Colours {
  readonly enabled: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

/**
 * Colours where a person will see them: on a terminal, unless NO_COLOR says otherwise (any value, https://no-color.org) or the
 * terminal is `dumb`; FORCE_COLOR turns them on in a pipe.
 */
export function coloursFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colours {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "";
  const enabled = env.NO_COLOR ? false : forced || (stream.isTTY === true && env.TERM !== "dumb");
  const paint =
    (open: number, close: number): Paint =>
    (text) =>
      enabled && text !== "" ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    enabled,
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}
