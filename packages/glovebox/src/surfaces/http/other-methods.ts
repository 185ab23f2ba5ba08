import type { FastifyInstance } from "fastify";
import { GloveboxError } from "../../core/index.ts";
import { OPERATIONS, type Operation } from "../operations/index.ts";
import { corsHeaders } from "./cors.ts";
import type { HttpServerOptions } from "./options.ts";
import { fastifyPath } from "./routes.ts";

/** A path of the table, and the methods that it takes. */
interface Taken {
  readonly path: string;
  readonly segments: readonly string[];
  readonly methods: ReadonlySet<string>;
  /** For the header. */
  readonly allow: string;
}

/**
 * `OPTIONS` answers what a path takes; any other method that it does not take is refused by name. Found among what no route takes: a route for each
 * method and path would be five times as many as there are operations, at every start.
 */
export function registerOtherMethods(app: FastifyInstance, options: HttpServerOptions): void {
  const table = takenPaths(app);
  app.addHook("onRequest", (request, reply, done) => {
    const taken = request.is404 ? find(table, request.url) : undefined;
    if (taken === undefined) return done();
    const { allow } = taken;
    if (request.method !== "OPTIONS") {
      reply.header("allow", allow);
      return done(refusal(request.method, allow));
    }
    for (const [name, value] of corsHeaders(request, options.settings.corsOrigins, allow)) reply.header(name, value);
    reply.code(204).header("allow", allow).header("x-request-id", request.id).send();
  });
  for (const taken of table) refuseOthers(app, taken, table);
}

/** Where a name stands at the place of another path's parameter, a method of that path must not take the name for a value. */
function refuseOthers(app: FastifyInstance, taken: Taken, table: readonly Taken[]): void {
  const wider = table.filter((other) => other !== taken && matches(other.segments, taken.segments));
  const method = [...new Set(wider.flatMap(({ methods }) => [...methods]))].filter((one) => !taken.methods.has(one));
  if (method.length === 0) return;
  app.route({
    method,
    url: fastifyPath(taken.path),
    exposeHeadRoute: false,
    onRequest: (request, reply, done) => {
      reply.header("allow", taken.allow);
      done(refusal(request.method, taken.allow));
    },
    handler: () => undefined,
  });
}

function refusal(method: string, allow: string): GloveboxError {
  return new GloveboxError("method_not_allowed", `${method} is not possible here; ${allow} are`);
}

/** Names before the parameters that they could be values of. */
function takenPaths(app: FastifyInstance): readonly Taken[] {
  const byPath = new Map<string, Set<string>>();
  for (const { path, method } of Object.values(OPERATIONS) as Operation[]) {
    const methods = byPath.get(path) ?? new Set<string>();
    byPath.set(path, methods.add(method));
    if (method === "GET" && app.hasRoute({ method: "HEAD", url: fastifyPath(path) })) methods.add("HEAD");
  }
  return [...byPath]
    .map(([path, methods]) => ({
      ...{ path, methods, segments: path.split("/") },
      allow: [...methods, "OPTIONS"].join(", "),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function find(table: readonly Taken[], url: string): Taken | undefined {
  const segments = (url.split(/[?#;]/, 1)[0] ?? "").split("/");
  return table.find((taken) => matches(taken.segments, segments));
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, i) => (part.startsWith("{") ? segments[i] !== "" : part === segments[i]))
  );
}
