export { withSocketPath } from "../supervisor/index.ts";
