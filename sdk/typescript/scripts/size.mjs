// Bundles each entry as a page would and fails when one is larger than it may be (gzip).
import { gzipSync } from "node:zlib";
import { build } from "vite";

// Of presence 0.6 kB are the bundler's own, by which `activity` comes later; a page has them once.
const limits = { index: 11_720, indexeddb: 1_000, presence: 2_100, activity: 800, friends: 2_000 };

for (const [name, limit] of Object.entries(limits)) {
  const input = new URL(`../src/${name}.ts`, import.meta.url).pathname;
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      modulePreload: false,
      minify: "oxc",
      target: "es2022",
      rolldownOptions: { input, preserveEntrySignatures: "strict" },
    },
  });
  const size = gzipSync(output[0].code, { level: 9 }).length;
  console.log(`${name}: ${size} of ${limit} bytes (gzip)`);
  if (size > limit) process.exitCode = 1;
}
