/** The MCP server: one table of tools and one of resources, over streamable HTTP (here) and over stdio (`stdio.ts`, which the CLI loads alone). */
export { registerMcp } from "./http/route.ts";
