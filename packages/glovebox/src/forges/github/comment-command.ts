import type { CommentCommand } from "../forge-event.ts";

const COMMANDS: Readonly<Record<string, CommentCommand>> = { "/rerun": "rerun", "/cancel": "cancel" };

/**
 * Who owns the repository, belongs to its organisation, or was invited to work on it. Everybody else, among them who has contributed before
 * (`CONTRIBUTOR`), is a stranger. https://docs.github.com/en/graphql/reference/enums#commentauthorassociation
 */
const TRUSTED: ReadonlySet<string> = new Set(["OWNER", "MEMBER", "COLLABORATOR"]);

/** The command that a comment is, when it is nothing else and its author may give one. */
export function commandOf(comment: {
  readonly body: string;
  readonly author_association: string;
}): CommentCommand | undefined {
  if (!TRUSTED.has(comment.author_association)) return undefined;
  return Object.hasOwn(COMMANDS, comment.body.trim()) ? COMMANDS[comment.body.trim()] : undefined;
}
