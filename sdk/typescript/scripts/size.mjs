// Bundles each entry as a page would and fails when one is larger than it may be (gzip).
import { gzipSync } from "node:zlib";
import { build } from "vite";

const limits = { index: 11_650, indexeddb: 1_000, presence: 1_700, friends: 2_000 };

for (const [name, limit] of Object.entries(limits)) {
  const input = new URL(`../src/${name}.ts`, import.meta.url).pathname;
  const { output } = await build({
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      minify: "oxc",
      target: "es2022",
      rolldownOptions: { input, preserveEntrySignatures: "strict" },
    },
  });
  const size = gzipSync(output[0].code, { level: 9 }).length;
  console.log(`${name}: ${size} of ${limit} bytes (gzip)`);
  if (size > limit) process.exitCode = 1;
}
