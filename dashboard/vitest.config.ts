// Tests of pure logic; pages are tested in a real browser by tests/test_*.py.
import { defineConfig } from "vitest/config";

export default defineConfig({ resolve: { tsconfigPaths: true }, test: { include: ["src/**/*.test.ts"] } });
