import type { ExecutionInfo } from "@glovebox/sdk";
import { type Format, printJson, printRecord } from "./print.ts";
import { bytesText, durationText } from "./units.ts";

/** One execution with all that is worth telling of it. */
export function printExecution(info: ExecutionInfo, format: Format): void {
  if (format === "json") {
    printJson(info);
    return;
  }
  const { metrics, error, result } = info;
  const truncated = (["stdout", "stderr"] as const).filter((stream) => metrics.truncated[stream]);
  printRecord(
    [
      ["id", info.id],
      ["session", info.sessionId],
      ["kind", info.kind],
      ["language", info.language],
      ["what", info.argv?.join(" ") ?? info.path ?? info.input],
      ["status", info.status],
      ["exit code", info.exitCode],
      ["signal", info.signal],
      ["value", result && `${result.type} ${result.preview}`],
      ["error", error && `${error.name}: ${error.message}`],
      ["created", info.createdAt],
      ["queued", durationText(metrics.queuedMs)],
      ["took", durationText(metrics.durationMs)],
      ["cpu", durationText(metrics.cpuMs)],
      ["memory", bytesText(metrics.maxRssKb * 1024)],
      ["output", `${bytesText(metrics.outputBytes)} in ${metrics.events} events`],
      ["cut", truncated.join(", ")],
    ],
    format,
  );
}
