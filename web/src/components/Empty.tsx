import type { ReactNode } from "react";

/** What stands where there is nothing yet: one line drawing, one sentence, one thing to do. */
export function Empty(props: { title: string; text?: string; children?: ReactNode }) {
  return (
    <div className="flex animate-fade flex-col items-center px-6 py-10 text-center">
      <svg width="96" height="72" viewBox="0 0 96 72" fill="none" aria-hidden="true" className="text-ink-3">
        <path
          d="M14 58V22a10 10 0 0 1 10-10h30a12 12 0 0 1 12 12v6a12 12 0 0 1-12 12H30z"
          stroke="currentColor"
          strokeWidth="1.5"
          strokeLinejoin="round"
        />
        <path d="M27 23h26M27 30h16" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
        <path
          d="M72 30h2a9 9 0 0 1 9 9v25l-11-11H58a9 9 0 0 1-8-5"
          stroke="var(--pine)"
          strokeWidth="1.5"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      <p className="mt-4 font-medium text-head">{props.title}</p>
      {props.text && <p className="mt-1 max-w-xs text-ink-3 text-name">{props.text}</p>}
      {props.children && <div className="mt-5">{props.children}</div>}
    </div>
  );
}
