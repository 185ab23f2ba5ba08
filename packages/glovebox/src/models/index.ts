/** Language models, and what makes vectors of texts, each behind one interface. */
export type { Embedder } from "./embedder.ts";
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
export { type EmbedderOptions, openEmbedder } from "./open-embedder.ts";
export { openProvider } from "./open-provider.ts";
export { ModelScript, type ProviderInput, ProviderSettings } from "./provider-settings.ts";
