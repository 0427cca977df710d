// Lint rules: typescript-eslint strict with types, hooks, and no fetch but the client's.
import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const BY_THE_CLIENT = "Call the collector through src/api/client.ts.";
const FETCH = { name: "fetch", message: BY_THE_CLIENT };
const STREAM = { name: "EventSource", message: "Live data comes from src/api/live.ts." };
const UPLOAD = { name: "XMLHttpRequest", message: BY_THE_CLIENT };

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public", "src/api/schema.ts", "eslint.config.js"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "max-lines": ["error", 250],
    },
  },
  // A language is one list of words: split, its halves would drift apart.
  { files: ["src/i18n/*.ts"], rules: { "max-lines": ["error", 500] } },
  {
    files: ["src/**"],
    // What the client fetches with, and what answers in place of a collector in tests.
    ignores: ["src/api/early.ts", "src/testing/**", "src/**/*.test.*"],
    rules: {
      "no-restricted-globals": ["error", FETCH, STREAM, UPLOAD],
      "no-restricted-properties": [
        "error",
        ...["window", "globalThis", "self"].map((object) => ({ object, property: "fetch", message: BY_THE_CLIENT })),
        { object: "navigator", property: "sendBeacon", message: BY_THE_CLIENT },
      ],
    },
  },
  // What fetch, and so the client, cannot do: read a stream that opens itself again, tell how far a file has gone up.
  { files: ["src/api/live-stream.ts"], rules: { "no-restricted-globals": ["error", FETCH, UPLOAD] } },
  { files: ["src/api/upload.ts"], rules: { "no-restricted-globals": ["error", FETCH, STREAM] } },
);
