export { filterBytes, filterFile } from "./filter-file.ts";
export type { ProfileName } from "./profiles.ts";
