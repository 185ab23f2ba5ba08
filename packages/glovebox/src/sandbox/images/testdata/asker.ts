/** A process of its own that asks for an image, for tests: `asker.ts DIR DEFINITIONS NAME`. */
import { openImages } from "../index.ts";

const [dir = "", definitionsDir = "", name = ""] = process.argv.slice(2);
const images = openImages({ dir, definitionsDir });
const image = await images.ensure(name, { onProgress: ({ stage }) => process.send?.({ stage }) });
process.send?.({ image }, () => process.disconnect());
