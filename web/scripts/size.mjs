// Prints what a first visit downloads and fails when its JavaScript is over the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 110 * 1024;
const dist = new URL("../dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist), "utf8");

// The page names its entry, and what the entry imports as modulepreload links.
let js = 0;
for (const [, file] of page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)) {
  const size = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
  if (file.endsWith(".js")) js += size;
  console.log(`${(size / 1024).toFixed(1).padStart(7)} KiB gzip  ${file}`);
}
console.log(`${(js / 1024).toFixed(1).padStart(7)} KiB gzip  first-load JavaScript (budget ${budget / 1024} KiB)`);
if (js === 0 || js > budget) process.exit(1);
