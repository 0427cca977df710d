// Tests without a browser; tests/test_*.py use a real one. Plain logic shares its workers, pages have one of their own.
import { defineConfig } from "vitest/config";

const PAGES = "src/{app,components-page}/*.test.tsx";
const BUSY_COMPUTER_MS = 60_000;

export default defineConfig({
  resolve: { tsconfigPaths: true },
  test: {
    testTimeout: BUSY_COMPUTER_MS,
    projects: [
      { extends: true, test: { name: "pages", include: [PAGES], sequence: { groupOrder: 0 } } },
      { extends: true, test: { name: "logic", include: ["src/**/*.test.{ts,tsx}"], exclude: [PAGES], isolate: false, sequence: { groupOrder: 1 } } },
    ],
  },
});
