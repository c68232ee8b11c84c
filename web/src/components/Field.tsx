import { type ComponentProps, type ReactNode, useId } from "react";

type FieldProps = ComponentProps<"input"> & {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  after?: ReactNode;
};

/** A labelled input with its hint, or what is wrong with it. */
export function Field({ label, hint, error, after, className = "", ...input }: FieldProps) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block font-medium text-ink-2 text-small">
        {label}
      </label>
      <div className="relative">
        <input
          {...input}
          id={id}
          dir="auto"
          aria-invalid={error !== undefined}
          aria-describedby={note === undefined ? undefined : `${id}-note`}
          className={`block min-h-11 w-full rounded-box border bg-raised px-3.5 py-2 text-body text-ink outline-offset-1 ${after ? "pe-12" : ""} ${error === undefined ? "border-line" : "border-bad"}`}
        />
        {after && <div className="absolute inset-y-0 end-0.5 flex items-center">{after}</div>}
      </div>
      {note !== undefined && (
        <p
          id={`${id}-note`}
          role={error === undefined ? undefined : "alert"}
          className={`mt-1 text-small ${error === undefined ? "text-ink-3" : "text-bad"}`}
        >
          {note}
        </p>
      )}
    </div>
  );
}
