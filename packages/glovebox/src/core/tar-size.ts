/**
 * Whether an entry of an archive has a size. `tar-stream` gives one whose size it cannot read (base 256 with a wrong mark) the size `null`, and then waits for ever for
 * the entry's end: whoever reads an archive of somebody else's asks first.
 */
export function hasTarSize({ size }: { readonly size?: unknown }): boolean {
  return Number.isSafeInteger(size);
}
