/** Root images: built from definitions, imported from OCI images, kept by their hash. */
export type { Image, ImageEntry, ImageProgress, ImageWorkOptions } from "./image.ts";
export type { Images, ImportOptions } from "./images.ts";
export { defaultImagesDir, type ImagesOptions, openImages } from "./open-images.ts";
