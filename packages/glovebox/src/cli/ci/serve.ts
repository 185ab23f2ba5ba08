import type { Command } from "commander";
import { startUp, upOptions } from "../commands/up.ts";

/** The server is one: this starts it, and says where webhooks go. */
export function addServe(ci: Command): void {
  upOptions(ci.command("serve").description("Start the server (as `glovebox up`) and show where webhooks go")).action(
    async (_options, command: Command) => startUp(command, ["webhooks/github", "webhooks/gitea"]),
  );
}
