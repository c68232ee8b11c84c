// Finds web addresses in text. Only http and https become links: everything else stays text.

export type Span = { readonly text: string; readonly href: string | null };

const candidate = /https?:\/\/[^\s<>"'`\p{C}\p{Z}]+/giu;
const closers: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Cuts text into spans; put together again, their texts are the text. */
export function linkify(text: string): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const match of text.matchAll(candidate)) {
    const address = trimEnd(match[0]);
    const href = webAddress(address);
    if (href === null) continue;
    if (match.index > from) spans.push({ text: text.slice(from, match.index), href: null });
    spans.push({ text: address, href });
    from = match.index + address.length;
  }
  if (from < text.length) spans.push({ text: text.slice(from), href: null });
  return spans;
}

/** Punctuation that ends a sentence, and a bracket that was opened before the address, are no part of it. */
function trimEnd(address: string): string {
  const counts = new Map<string, number>();
  for (const letter of address) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let end = address.length;
  for (; end > 0; end--) {
    const last = address[end - 1] as string;
    const closed = counts.get(last) ?? 0;
    const opener = closers[last];
    if (opener === undefined ? !".,;:!?…*_~|".includes(last) : (counts.get(opener) ?? 0) >= closed) break;
    counts.set(last, closed - 1);
  }
  return address.slice(0, end);
}

function webAddress(address: string): string | null {
  try {
    const url = new URL(address);
    // "https://bank.example@evil.example" reads as one place and leads to another.
    const plain = url.username === "" && url.password === "";
    return plain && (url.protocol === "https:" || url.protocol === "http:") && url.hostname !== "" ? url.href : null;
  } catch {
    return null;
  }
}
