import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";

const server = process.env.PARLEY_URL ?? "http://localhost:3000";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  // The SDK is taken from its source: one build, and no stale copy of it.
  resolve: { conditions: ["source", ...defaultClientConditions] },
  build: {
    // light-dark() is native from these versions on; older targets would have it rewritten.
    target: ["chrome123", "firefox128", "safari17.5"],
    // Nothing may become a data: URL, which the Content-Security-Policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What a first visit needs is one file: cut into several, which the bundler does when dialogs share parts of it, it
    // is 2 kB larger.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: "first", tags: ["$initial"] }] } } },
  },
  server: {
    proxy: {
      "/api": { target: server, changeOrigin: true },
      "/ws": { target: server, changeOrigin: true, ws: true },
    },
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"] },
});
