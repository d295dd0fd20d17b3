// How the page is built: into the API's package, so that one process on one port serves both.
import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "./",
  build: {
    outDir: "../src/highroad/api/portal",
    emptyOutDir: true,
    target: "es2022",
    // Nothing becomes a data: URL: the content security policy allows those for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8470" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node", css: true },
});
