import { GloveboxError, type Session, type Snapshot } from "@glovebox/sdk";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** All of a session's, newest first. */
export async function allSnapshots(
  session: Session,
): Promise<{ readonly items: readonly Snapshot[]; readonly head?: string }> {
  let page = await session.snapshots.list({ limit: 1000 });
  const items = [...page.items];
  const { head } = page;
  while (page.nextCursor !== undefined) {
    page = await session.snapshots.list({ limit: 1000, cursor: page.nextCursor });
    items.push(...page.items);
  }
  return { items, ...(head !== undefined && { head }) };
}

/** The id of a snapshot by its id, its name (the newest that has it), or an end or beginning of an id that only one has. */
export async function snapshotNamed(session: Session, name: string): Promise<string> {
  if (ID.test(name)) return name;
  const { items } = await allSnapshots(session);
  const named = items.find((snapshot) => snapshot.name === name);
  if (named !== undefined) return named.id;
  const matches = /^[0-9a-f-]{6,}$/.test(name)
    ? items.filter(({ id }) => id.startsWith(name) || id.endsWith(name))
    : [];
  if (matches.length > 1) throw new GloveboxError("invalid_argument", `several snapshots are named by ${name}`);
  if (matches[0] !== undefined) return matches[0].id;
  throw new GloveboxError("not_found", `no snapshot of the session has the id or name ${JSON.stringify(name)}`);
}
