import type { catalogOperations } from "../../operations/catalog.ts";
import type { HandlersOf } from "../call.ts";
import type { HandlerContext } from "../options.ts";

export function catalogHandlers(context: HandlerContext): HandlersOf<typeof catalogOperations> {
  const { templates } = context.services;
  return {
    "catalog.modules": async () => ({ items: (await templates.catalog()).modules }),
    "catalog.libraries": async () => ({ items: (await templates.catalog()).libraries }),
    "catalog.languages": async () => ({ items: (await templates.catalog()).languages }),
  };
}
