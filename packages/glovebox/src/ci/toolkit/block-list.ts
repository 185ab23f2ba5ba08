import { GloveboxError } from "../../core/index.ts";

/** Ids are base64 of 64 bytes at most: https://learn.microsoft.com/en-us/rest/api/storageservices/put-block */
const BLOCK = /^<(Latest|Uncommitted|Committed)>([A-Za-z0-9+/=]{1,100})<\/\1>\s*/;
const HEAD = /^\s*(<\?xml[^?>]{0,100}\?>)?\s*<BlockList>\s*/;
const TAIL = /^<\/BlockList>\s*$/;

/** The ids of the body that ends an upload in blocks, in order. Only what clients send is read: no other XML. Errors: `invalid_argument`. */
export function parseBlockList(text: string): readonly string[] {
  const head = HEAD.exec(text);
  if (head === null) {
    if (/^\s*(<\?xml[^?>]{0,100}\?>)?\s*<BlockList\s*\/>\s*$/.test(text)) return [];
    throw malformed();
  }
  const ids: string[] = [];
  let at = head[0].length;
  while (text.startsWith("<", at) && !text.startsWith("</", at)) {
    // Looked for in what one entry can be alone: a long list takes no longer than it has entries.
    const found = BLOCK.exec(text.slice(at, at + 200));
    if (found === null) throw malformed();
    ids.push(found[2] ?? "");
    at += found[0].length;
  }
  if (!TAIL.test(text.slice(at))) throw malformed();
  return ids;
}

function malformed(): GloveboxError {
  return new GloveboxError("invalid_argument", "not a list of blocks");
}
