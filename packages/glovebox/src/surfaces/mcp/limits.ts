/** What the MCP server is held to. */
export const MCP_LIMITS = {
  /** Characters of output, of a file or of JSON in one answer. */
  textCharacters: 65_536,
  /** Characters that `write_file` takes. */
  writeCharacters: 1_048_576,
  /** Entries that `list_files` answers. */
  listEntries: 1_000,
  /** Sessions, executions and runs that are listed as resources: the newest of each. */
  listedResources: 50,
  /** Milliseconds between two notifications of progress. */
  progressMs: 1_000,
  /** Milliseconds after which a sandbox that the MCP server made ends, when nobody uses it. */
  sandboxIdleMs: 15 * 60_000,
  /** Sandboxes that calls without a session may leave open, where the protocol has no sessions. */
  looseSandboxes: 16,
  /** MCP sessions at once: of the server, and of one token. */
  sessions: 256,
  sessionsPerToken: 32,
  /** Milliseconds without a request or an open stream after which an MCP session ends. */
  sessionIdleMs: 10 * 60_000,
  /** Requests and streams at once in one MCP session. */
  requestsPerSession: 32,
  /** Messages in one request, where an old client sends several. */
  batch: 16,
  /** Bytes of one message over stdio: enough for a text of `writeCharacters` with every character escaped. */
  stdioBytes: 8 * 1_048_576,
} as const;
