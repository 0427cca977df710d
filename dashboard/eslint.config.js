// Lint rules: typescript-eslint strict with types, hooks, and no fetch outside api/.
import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

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
    ignores: ["src/api/**"],
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "Call the collector through src/api/." },
        { name: "EventSource", message: "Live data comes from src/api/live.ts." },
      ],
    },
  },
);
