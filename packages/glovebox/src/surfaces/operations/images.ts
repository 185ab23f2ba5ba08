import { z } from "zod";
import { Language } from "../../core/schemas.ts";
import { queryBoolean, whole } from "./fields.ts";
import { defineOperations } from "./operation.ts";

const ImageName = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "not a name of an image");
const ImageParams = z.strictObject({ name: ImageName });

export const ImageSchema = z.strictObject({
  name: z.string(),
  /** SHA-256 over definition and content. */
  id: z.string(),
  languages: z.array(Language),
  sizeBytes: z.number(),
  origin: z.enum(["definition", "import"]),
  description: z.string(),
  createdAt: z.string(),
});

export const ImageEntrySchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** `outdated`: built anew when it is next asked for. */
  state: z.enum(["ready", "outdated", "absent", "broken"]),
  reason: z.string().optional(),
  image: ImageSchema.optional(),
});

/** Root images for sandboxes with a kernel of their own. All tenants share them, so only the root token may change them. */
export const imageOperations = defineOperations({
  "images.list": {
    method: "GET",
    path: "/v1/images",
    summary: "List the images that are defined or there",
    minimumRole: "viewer",
    answer: "json",
    status: 200,
    response: whole(ImageEntrySchema),
    sdk: "images.list",
    cli: "image list",
  },
  "images.get": {
    method: "GET",
    path: "/v1/images/{name}",
    summary: "Whether an image is there, and what it is",
    minimumRole: "viewer",
    params: ImageParams,
    answer: "json",
    status: 200,
    response: ImageEntrySchema,
    sdk: "images.get",
    cli: "image show",
  },
  "images.build": {
    method: "POST",
    path: "/v1/images/{name}/build",
    summary:
      "Build an image where it is absent or outdated; `progress` events, then one `image`. Who leaves ends the build",
    minimumRole: "admin",
    rootOnly: true,
    params: ImageParams,
    /** `fresh`: build it in any case, with the packages that Debian has now. */
    body: z.strictObject({ fresh: z.boolean().default(false) }),
    answer: "sse",
    status: 200,
    sdk: "images.build",
    cli: "image build",
  },
  "images.delete": {
    method: "DELETE",
    path: "/v1/images/{name}",
    summary: "Delete an image; sandboxes that run from it go on",
    minimumRole: "admin",
    rootOnly: true,
    params: ImageParams,
    answer: "none",
    status: 204,
    sdk: "images.delete",
    cli: "image remove",
  },
  "images.export": {
    method: "GET",
    path: "/v1/images/{name}/archive",
    summary: "An image as an OCI archive",
    minimumRole: "operator",
    params: ImageParams,
    answer: "tar",
    status: 200,
    sdk: "images.export",
    cli: "image export",
  },
  "images.import": {
    method: "POST",
    path: "/v1/images",
    summary: "Take an image from an OCI archive (tar, plain or compressed)",
    minimumRole: "admin",
    rootOnly: true,
    query: z.strictObject({
      /** Default: what the image calls itself. */
      name: ImageName.optional(),
      /** Whether an image of that name gives way. Default false. */
      replace: queryBoolean.optional(),
    }),
    upload: "bytes",
    answer: "json",
    status: 201,
    response: ImageSchema,
    sdk: "images.import",
    cli: "image import",
  },
});
