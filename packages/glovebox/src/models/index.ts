/** Language models behind one interface. */
export type {
  AskOptions,
  ModelAnswer,
  ModelInfo,
  ModelMessage,
  ModelProvider,
  ModelRequest,
  ModelTool,
  ModelUsage,
  ToolCall,
} from "./model.ts";
export { openProvider } from "./open-provider.ts";
export { ModelScript, type ProviderInput, ProviderSettings } from "./provider-settings.ts";
