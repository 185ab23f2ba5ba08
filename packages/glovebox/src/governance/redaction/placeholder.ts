/** What documents, schemas and programs write where a secret would stand. */
const WORDS: ReadonlySet<string> = new Set(
  (
    "string number boolean object required optional undefined unknown default password passwd secret token hidden masked redacted " +
    "username identifier function variable parameter argument expected received invalid missing expired prompt change-me"
  ).split(" "),
);
/** A reference to where the secret is: a variable, a template, a path of a file, an address without a password. */
const REFERENCE =
  /^(?:\$(?:\D|$)|\{\{|<[^<>]*>$|%[({][A-Za-z_]|(?:~|\.{0,2})\/(?:[a-z][a-z._-]{1,20}\/|[a-z-]+\.[a-z]{2,4}$)|https?:\/\/[^@]*$|process\.env\b|os\.environ\b|import\.meta\b)/;
const INVITATION = /^(?:your|insert|enter|replace|put|paste)[ _-][A-Za-z _.-]*$/i;

/** Whether a value only stands for a secret. Values of at most some dozen characters: longer ones are masked whatever they are. */
export function isPlaceholder(value: string): boolean {
  return isFiller(value) || REFERENCE.test(value) || INVITATION.test(value) || WORDS.has(value);
}

/** `******`, `xxxxxx`: one character over and over. */
function isFiller(value: string): boolean {
  const first = value.charCodeAt(0);
  for (let at = 1; at < value.length; at += 1) if (value.charCodeAt(at) !== first) return false;
  return first < 0x30 || first > 0x39;
}
