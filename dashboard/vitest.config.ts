// Tests without a browser: pure logic, and every page with made-up answers; tests/test_*.py use a real browser.
import { defineConfig } from "vitest/config";

export default defineConfig({ resolve: { tsconfigPaths: true }, test: { include: ["src/**/*.test.{ts,tsx}"], testTimeout: 60_000 } });
