export type { Image, ImageEntry, ImageOrigin, ImageProgress, ImageWorkOptions } from "./image.ts";
export { type Images, type ImagesOptions, openImages } from "./images.ts";
