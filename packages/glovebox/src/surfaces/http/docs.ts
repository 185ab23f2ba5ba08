import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { buildOpenApi } from "./openapi.ts";

/** Nothing but our own files may be loaded, and no page may frame this one. */
const POLICY = {
  useDefaults: false,
  directives: {
    defaultSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    objectSrc: ["'none'"],
    baseUri: ["'self'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
};

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="140" height="40"><text x="0" y="28" font-family="sans-serif" ' +
  'font-size="24" font-weight="bold" fill="#fff">Glovebox</text></svg>';

/** `/v1/openapi.json`, and the same rendered at `/docs` from files of our own: no request to any other host. */
export async function registerDocs(app: FastifyInstance, version: string): Promise<void> {
  const document = buildOpenApi(version);
  const text = JSON.stringify(document);
  app.get("/v1/openapi.json", (request, reply) => {
    reply.header("x-request-id", request.id).header("content-type", "application/json; charset=utf-8").send(text);
  });
  await app.register(async (scope) => {
    // Whether the way to here is encrypted is the business of who encrypts it, so no `strict-transport-security`.
    await scope.register(helmet, { contentSecurityPolicy: POLICY, strictTransportSecurity: false });
    await scope.register(swagger, { mode: "static", specification: { document: document as never } });
    await scope.register(swaggerUi, {
      routePrefix: "/docs",
      // Not the framework's: the name says whose API it is.
      logo: { type: "image/svg+xml", content: LOGO, href: "/docs", target: "_self" },
      theme: { title: "Glovebox API" },
      // The badge would ask a validator on another host.
      uiConfig: { validatorUrl: null },
    });
  });
}
