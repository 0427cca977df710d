// How the dashboard is built: relative addresses, so that it works under any sub-path.
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const collector = "http://127.0.0.1:8000";

export default defineConfig({
  base: "./",
  plugins: [react(), tailwindcss()],
  resolve: { tsconfigPaths: true },
  build: { target: "es2024", modulePreload: { polyfill: false } },
  server: { proxy: Object.fromEntries(["/api", "/analyses", "/v2"].map((path) => [path, collector])) },
});
