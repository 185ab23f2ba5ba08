import { join } from "node:path";
import type { Config } from "../config/index.ts";
import type { Logger } from "../core/index.ts";
import { defaultImagesDir, type Images, openImages } from "../sandbox/images/index.ts";
import { repositoryRoot } from "../sandbox/native/index.ts";

/** Root images, as configured: of Glovebox's own definitions unless others are named, with Debian's packages from where templates have them. */
export function openHostImages({ images, packages }: Config, logger: Logger): Images {
  return openImages({
    dir: images.dir ?? defaultImagesDir(),
    definitionsDir: images.definitionsDir ?? join(repositoryRoot(), "images"),
    maxImageMb: images.maxMb,
    logger,
    ...(packages.aptSourcesFile !== undefined && { aptSourcesFile: packages.aptSourcesFile }),
  });
}
