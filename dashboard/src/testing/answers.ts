// Answers that the collector may give, made from its OpenAPI document: recorded ones, and any that its schemas allow.
import { generateSync, type JsonSchema } from "json-schema-faker";
import text from "../../openapi.json?raw";

interface Media {
  schema: object;
  examples?: Record<string, { value?: unknown; $ref?: string }>;
}
interface Operation {
  responses: Record<string, { content?: Record<string, Media> }>;
}
interface Document {
  paths: Record<string, { get?: Operation }>;
  components: { schemas: Record<string, JsonSchema>; examples: Record<string, { value: unknown }> };
}

const openapi = JSON.parse(text) as Document;

/** A route that is read, and how its addresses look. */
export interface Route {
  path: string;
  matches: RegExp;
  operation: Operation;
}

export const ROUTES: readonly Route[] = Object.entries(openapi.paths).flatMap(([path, { get: operation }]) =>
  operation ? [{ path, operation, matches: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }] : [],
);

/** How much an answer holds: what was recorded, as little or as much as the schema allows. */
export type Fill = "recorded" | "least" | "most";

const MEDIA = "application/json";
/** Deeper than any answer: beyond its limits the generator leaves the schema. */
const DEEP = { maxDepth: 20, refDepthMax: 20 };
const LIMITS = {
  least: { optionalsProbability: 0, maxItems: 0 },
  most: { alwaysFakeOptionals: true, minItems: 1, maxItems: 4 },
};

/** The answer of a route; undefined where it does not answer with JSON. The same `seed` gives the same. */
export function answerOf({ operation, path }: Route, fill: Fill, seed: number): unknown {
  const media = operation.responses["200"]?.content?.[MEDIA];
  if (!media) return undefined;
  const recorded = valuesOf(media)[0];
  if (fill === "recorded" && recorded !== undefined) return recorded;
  try {
    return encoded(generateSync({ ...media.schema, components: openapi.components }, { seed, ...DEEP, ...LIMITS[fill === "least" ? "least" : "most"] }));
  } catch (error) {
    throw new Error(`no answer can be made for ${path} from its schema: ${String(error)}`, { cause: error });
  }
}

/** Bytes are base64, which the schema says in words only. */
function encoded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(encoded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === "data" && typeof each === "string" ? btoa(each) : encoded(each)]),
  );
}

function valuesOf(media: Media): unknown[] {
  return Object.values(media.examples ?? {}).map(({ value, $ref }) => ($ref ? openapi.components.examples[$ref.split("/").at(-1) ?? ""]?.value : value));
}

export interface Problem {
  type: string;
  status: number;
  title: string;
  detail: string;
}

/** One recorded problem of each kind and status that a route that is read may answer with. */
export const PROBLEMS: readonly Problem[] = [
  ...new Map(
    ROUTES.flatMap(({ operation }) => Object.values(operation.responses))
      .flatMap(({ content }) => (content?.["application/problem+json"] ? valuesOf(content["application/problem+json"]) : []))
      .map((each) => each as Problem)
      .map((each) => [`${each.status} ${each.type}`, each] as const),
  ).values(),
];
