// Prints what a first visit downloads and fails when its JavaScript is over the budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 110_000;
const dist = new URL("../dist/", import.meta.url);
const page = readFileSync(new URL("index.html", dist), "utf8");

// The page names its entry, and what the entry imports as modulepreload links.
let js = 0;
for (const [, file] of page.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)) {
  const size = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length;
  if (file.endsWith(".js")) js += size;
  console.log(`${(size / 1000).toFixed(1).padStart(7)} kB gzip  ${file}`);
}
console.log(`${(js / 1000).toFixed(1).padStart(7)} kB gzip  first-load JavaScript (budget ${budget / 1000} kB)`);
if (js === 0 || js > budget) process.exit(1);
