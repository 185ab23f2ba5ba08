import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import Fastify from "fastify";
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

export interface DocsPages {
  /** The OpenAPI description, as JSON. */
  readonly openApi: string;
  /** Answers a request for `/docs` or what is below it. */
  answer(request: IncomingMessage, response: ServerResponse): void;
  close(): Promise<void>;
}

/** A server of its own for the pages, behind ours: it listens to nothing and is handed its requests. */
export async function openDocsPages(version: string): Promise<DocsPages> {
  const document = buildOpenApi(version);
  const app = Fastify({ logger: false });
  // Whether the way to here is encrypted is the business of who encrypts it, so no `strict-transport-security`.
  await app.register(helmet, { contentSecurityPolicy: POLICY, strictTransportSecurity: false });
  await app.register(swagger, { mode: "static", specification: { document: document as never } });
  await app.register(swaggerUi, {
    routePrefix: "/docs",
    // Not the framework's: the name says whose API it is.
    logo: { type: "image/svg+xml", content: LOGO, href: "/docs", target: "_self" },
    theme: { title: "Glovebox API" },
    // The badge would ask a validator on another host.
    uiConfig: { validatorUrl: null },
  });
  await app.ready();
  return {
    openApi: JSON.stringify(document),
    answer: (request, response) => app.routing(request, response),
    close: () => app.close(),
  };
}
