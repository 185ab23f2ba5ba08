import { type Glovebox, GloveboxError, type Session } from "@glovebox/sdk";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A session by its id, by the key of an open one, or by an id's beginning that only one live session has. */
export async function sessionNamed(box: Glovebox, name: string): Promise<Session> {
  if (ID.test(name)) return box.sessions.get(name);
  const byKey = await box.sessions.list({ key: name, limit: 10 });
  const open = byKey.items.find(({ status }) => status !== "closed" && status !== "crashed" && status !== "lost");
  const keyed = open ?? byKey.items[0];
  if (keyed !== undefined) return box.sessions.get(keyed.id);
  if (/^[0-9a-f-]{6,}$/.test(name)) {
    const live = await box.sessions.list({ status: ["starting", "ready", "paused", "closing"], limit: 1000 });
    const matches = live.items.filter(({ id }) => id.startsWith(name) || id.endsWith(name));
    if (matches.length > 1) throw new GloveboxError("invalid_argument", `several sessions are named by ${name}`);
    if (matches[0] !== undefined) return box.sessions.get(matches[0].id);
  }
  throw new GloveboxError("not_found", `no session has the id or key ${JSON.stringify(name)}`);
}

export async function sessionIdNamed(box: Glovebox, name: string): Promise<string> {
  return ID.test(name) ? name : (await sessionNamed(box, name)).id;
}
