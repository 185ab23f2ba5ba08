/** Bounds of every message. What is larger goes through the blob store, or is cut and says so. Characters are UTF-16 units. */
export const LIMITS = {
  /** Bytes of a whole message as JSON. */
  messageBytes: 4 * 1024 * 1024,
  /** Arrays and objects within each other. */
  depth: 32,
  /** Values in a message, counting arrays and objects. */
  values: 200_000,
  /** Characters of a file's content, of a diff. */
  contentChars: 1024 * 1024,
  /** Characters of a text, of a test's log. */
  textChars: 256 * 1024,
  /** Characters of a title, of one finding's words. */
  lineChars: 4_000,
  /** Artifacts of one result. */
  artifacts: 1_000,
  /** Files of a diff, of a coverage. */
  files: 5_000,
  suggestions: 10,
  /** Tasks that one result proposes; a flow's own limits are lower. */
  newTasks: 100,
  /** Tasks that a task comes after. */
  after: 100,
  /** Hotspots of a profile, candidates of a list. */
  ranked: 100,
  transcript: 500,
  /** Milliseconds that a task may ask for. */
  timeoutMs: 24 * 3_600_000,
} as const;
