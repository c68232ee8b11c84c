import { memo } from "react";

const sizes = {
  s: "size-7 rounded-[9px] text-[11px]",
  m: "size-9 rounded-[11px] text-small",
  l: "size-16 rounded-[20px] text-[22px]",
};

/** Two initials on a colour that belongs to the id. Only decoration: the name always stands beside it. */
export const Avatar = memo(function Avatar(props: { id: string; name: string; size?: keyof typeof sizes }) {
  return (
    <span
      aria-hidden="true"
      className={`avatar inline-flex shrink-0 select-none items-center justify-center font-medium ${sizes[props.size ?? "m"]}`}
      style={{ "--hue": hueOf(props.id) } as React.CSSProperties}
    >
      {initials(props.name)}
    </span>
  );
});

export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s_-]+|\.(?=\p{L})/u)
    .filter(Boolean);
  const first = firstLetter(words[0]);
  const second = words.length > 1 ? firstLetter(words.at(-1)) : "";
  return (first + second).toUpperCase() || "·";
}

function firstLetter(word = ""): string {
  const letter = /[\p{L}\p{N}]/u.exec(word)?.[0];
  return letter ?? [...word][0] ?? "";
}

/** A UUIDv7 begins with its time, so that only its end tells neighbours apart. */
function hueOf(id: string): number {
  let hash = 7;
  for (const letter of id.slice(-12)) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
  return hash % 360;
}
