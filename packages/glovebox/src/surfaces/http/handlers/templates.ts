import { GloveboxError, type Template } from "../../../core/index.ts";
import type { Operation } from "../../operations/index.ts";
import type { templateOperations, templatePartOperations } from "../../operations/templates.ts";
import type { Call, HandlersOf } from "../call.ts";
import { expectedVersion, tagVersion } from "../entity-tag.ts";
import { idempotencyKeyOf, once } from "../idempotency.ts";
import type { HandlerContext } from "../options.ts";

type AnyCall = Pick<Call<Operation>, "request" | "reply" | "principal">;

function tagged(call: AnyCall, template: Template): Template {
  tagVersion(call.request, call.reply, template.version);
  return template;
}

export function templateHandlers(context: HandlerContext): HandlersOf<typeof templateOperations> {
  const { templates } = context.services;

  async function createOnce(
    call: AnyCall,
    operation: string,
    request: unknown,
    make: () => Promise<Template>,
  ): Promise<Template> {
    const { tenantId } = call.principal;
    const key = idempotencyKeyOf(call.request.headers);
    if (key === undefined) return tagged(call, await make());
    const { answer, replayed } = await once(context.store.idempotency, {
      tenantId,
      operation,
      key,
      request,
      work: async () => {
        const answer = await make();
        return { entityId: answer.id, answer };
      },
      replay: async (id) => await templates.get(tenantId, id),
    });
    if (replayed) call.reply.header("idempotent-replayed", "true");
    return tagged(call, answer);
  }

  return {
    "templates.list": async ({ principal, query }) => await templates.list(principal.tenantId, query),
    "templates.create": async (call) =>
      await createOnce(call, "templates.create", call.body, () => templates.create(call.principal.tenantId, call.body)),
    "templates.get": async (call) => {
      const template = await templates.get(call.principal.tenantId, call.params.id, call.query.version);
      if (tagVersion(call.request, call.reply, template.version)) call.reply.code(304);
      return template;
    },
    "templates.update": async (call) => {
      const { params, body } = call;
      if (Object.keys(body).length === 0) {
        throw new GloveboxError("invalid_argument", "body: nothing to change", { details: { in: "body", path: "" } });
      }
      return tagged(
        call,
        await templates.update(call.principal.tenantId, params.id, body, expectedVersion(call.request)),
      );
    },
    "templates.delete": async (call) => {
      await requireVersion(context, call, call.params.id);
      await templates.delete(call.principal.tenantId, call.params.id);
    },
    "templates.clone": async (call) =>
      await createOnce(call, "templates.clone", { id: call.params.id, ...call.body }, () =>
        templates.clone(call.principal.tenantId, call.params.id, call.body.name),
      ),
  };
}

/** For changes whose service call takes no version: compared just before. */
async function requireVersion(context: HandlerContext, call: AnyCall, id: string): Promise<void> {
  const expected = expectedVersion(call.request);
  if (expected === undefined) return;
  const { version } = await context.services.templates.get(call.principal.tenantId, id);
  if (version !== expected) {
    throw new GloveboxError("version_conflict", `the template is at version ${version}, not ${expected}`, {
      details: { version },
    });
  }
}

export function templatePartHandlers(context: HandlerContext): HandlersOf<typeof templatePartOperations> {
  const { templates } = context.services;
  const get = (call: AnyCall, id: string) => templates.get(call.principal.tenantId, id);

  async function change(call: AnyCall, id: string, apply: (tenantId: string) => Promise<Template>): Promise<Template> {
    await requireVersion(context, call, id);
    return tagged(call, await apply(call.principal.tenantId));
  }

  async function refusePackages(call: AnyCall, id: string): Promise<never> {
    await get(call, id);
    throw new GloveboxError(
      "not_supported_by_isolation",
      "packages are installed into images, which this version cannot build; put what is needed on the host, or into the workspace",
    );
  }

  const named = (names: readonly string[]) => ({ items: names.map((name) => ({ name })) });

  return {
    "templates.capabilities.list": async (call) => ({ items: (await get(call, call.params.id)).capabilities }),
    "templates.capabilities.add": async (call) =>
      await change(call, call.params.id, (tenant) => templates.addCapability(tenant, call.params.id, call.body)),
    "templates.capabilities.remove": async (call) =>
      await change(call, call.params.id, (tenant) =>
        templates.removeCapability(tenant, call.params.id, call.params.kind, call.params.name),
      ),
    "templates.startupFiles.list": async (call) => ({
      items: (await get(call, call.params.id)).startupFiles.toSorted((a, b) => a.order - b.order),
    }),
    "templates.startupFiles.add": async (call) =>
      await change(call, call.params.id, (tenant) => templates.addStartupFile(tenant, call.params.id, call.body)),
    "templates.startupFiles.remove": async (call) =>
      await change(call, call.params.id, (tenant) =>
        templates.removeStartupFile(tenant, call.params.id, call.query.path),
      ),
    "templates.modules.list": async (call) => named((await get(call, call.params.id)).modules),
    "templates.modules.add": async (call) =>
      await change(call, call.params.id, (tenant) => templates.addModule(tenant, call.params.id, call.body.name)),
    "templates.modules.remove": async (call) =>
      await change(call, call.params.id, (tenant) => templates.removeModule(tenant, call.params.id, call.params.name)),
    "templates.libraries.list": async (call) => named((await get(call, call.params.id)).libraries),
    "templates.libraries.add": async (call) =>
      await change(call, call.params.id, (tenant) => templates.addLibrary(tenant, call.params.id, call.body.name)),
    "templates.libraries.remove": async (call) =>
      await change(call, call.params.id, (tenant) => templates.removeLibrary(tenant, call.params.id, call.params.name)),
    "templates.packages.list": async (call) => (await get(call, call.params.id)).packages,
    "templates.packages.add": async (call) => await refusePackages(call, call.params.id),
    "templates.packages.remove": async (call) => await refusePackages(call, call.params.id),
  };
}
