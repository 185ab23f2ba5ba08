import { charClass } from "./char-class.ts";

const NAME = charClass("A-Za-z0-9_.-");
/** Lower-case last letters of all names below: most text is told apart by them alone. */
export const ENDS_SECRET_NAME = charClass("dtnyelsDTNYELS");
const SECRET_NAME =
  /(?:passw(?:or)?d|pwd|passphrase|secret|token|authorization|cookie|credentials?|(?:api|access|private|secret|auth|account|signing|encryption|session|master|license)[_.-]?key)$/;
const MAX_NAME = 48;

/** Whether a field of this name holds a secret: `DB_PASSWORD`, `accessToken`, `x-api-key`. */
export function isSecretName(name: string): boolean {
  return (
    ENDS_SECRET_NAME[name.charCodeAt(name.length - 1)] === 1 && SECRET_NAME.test(name.slice(-MAX_NAME).toLowerCase())
  );
}

/** The name that ends right before the separator at `at` (with a quote and up to two blanks between), if it is of a secret. */
export function secretNameBefore(text: string, at: number): string | undefined {
  let end = at;
  for (let blanks = 0; blanks < 2 && isBlank(text.charCodeAt(end - 1)); blanks += 1) end -= 1;
  const code = text.charCodeAt(end - 1);
  if (code === 0x22 || code === 0x27 || code === 0x60) {
    end -= 1;
    if (text.charCodeAt(end - 1) === 0x5c) end -= 1;
  }
  if (ENDS_SECRET_NAME[text.charCodeAt(end - 1)] !== 1) return undefined;
  let start = end;
  while (start > 0 && end - start < MAX_NAME && NAME[text.charCodeAt(start - 1)] === 1) start -= 1;
  const name = text.slice(start, end);
  return SECRET_NAME.test(name.toLowerCase()) ? name : undefined;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
