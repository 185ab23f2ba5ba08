/** One line of `/proc/<pid>/mountinfo`, as far as cgroups need it. */
export interface MountEntry {
  /** The folder of the file system that is mounted, `/` for the whole. */
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly fsType: string;
  readonly superOptions: readonly string[];
}

/** Parses `/proc/self/mountinfo` (proc(5)). Lines that are not of its form are skipped. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const [before, after] = line.split(" - ", 2);
    if (before === undefined || after === undefined) continue;
    const [, , , root, mountPoint, options] = before.split(" ");
    const [fsType, , superOptions] = after.split(" ");
    if (!root || !mountPoint || !options || !fsType) continue;
    entries.push({
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      options: options.split(","),
      fsType,
      superOptions: (superOptions ?? "").split(","),
    });
  }
  return entries;
}

/** The kernel writes space, tab, newline and backslash as `\ooo`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
