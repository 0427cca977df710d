// How the dashboard is built: relative addresses, so that it works under any sub-path.
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const collector = "http://127.0.0.1:8000";

/** A compressed copy beside each file that is worth it, so that the collector compresses none when a page is opened. */
function compressed(): Plugin {
  const worthIt = 1024;
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "dist" }) {
      for (const entry of await readdir(join(dir, "assets"))) {
        const file = join(dir, "assets", entry);
        const content = await readFile(file);
        if (content.length > worthIt) await writeFile(`${file}.gz`, await promisify(gzip)(content, { level: 9 }));
      }
    },
  };
}

/** Where each language's words are, for public/before.js: they are needed as soon as the first script is there. */
function languages(): Plugin {
  return {
    name: "languages",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler: (html, { bundle = {} }) => {
        const found = Object.values(bundle).flatMap((file) => {
          const language = file.type === "chunk" ? /\/src\/i18n\/(\w+)\.ts$/.exec(file.facadeModuleId ?? "")?.[1] : undefined;
          return language === undefined ? [] : [`data-${language}="./${file.fileName}"`];
        });
        if (found.length === 0) throw new Error("no language has a file of its own; src/i18n/index.ts is to import them when they are spoken");
        return html.replace(/ data-early="[^"]*"/, (early) => [early, ...found.sort()].join(" "));
      },
    },
  };
}

/** The page of components has no collector behind it: nothing is asked before it is there. */
function unasked(): Plugin {
  return {
    name: "unasked",
    apply: "serve",
    transformIndexHtml: (html, { originalUrl }) => (originalUrl?.startsWith("/components") ? html.replace(/ data-early="[^"]*"/, ' data-early=""') : html),
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), tailwindcss(), compressed(), languages(), unasked()],
  resolve: { tsconfigPaths: true },
  build: { target: "es2024", modulePreload: { polyfill: false } },
  server: { proxy: Object.fromEntries(["/api", "/analyses", "/v2"].map((path) => [path, collector])) },
});
