/** Parley's sign: a sheet of paper that speaks, and a lamp on it. */
export function Mark({ size = 52 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" className="mx-auto">
      <rect width="32" height="32" rx="9.5" fill="var(--pine)" />
      <path
        d="M9 23.5V11.8A3.3 3.3 0 0 1 12.3 8.5h7.4A4.8 4.8 0 0 1 24.5 13.3v.9A4.8 4.8 0 0 1 19.7 19h-6.2z"
        fill="var(--paper)"
      />
      <circle cx="19.6" cy="13.8" r="1.5" fill="var(--ember)" />
    </svg>
  );
}
