import type { ComponentProps, ReactNode } from "react";

const looks = {
  primary: "bg-pine text-on-pine hover:bg-pine-strong disabled:opacity-50",
  plain: "border border-line bg-raised text-ink hover:bg-hover disabled:opacity-50",
  quiet: "text-pine hover:bg-hover disabled:opacity-50",
  danger: "border border-line bg-raised text-bad hover:bg-bad-soft disabled:opacity-50",
};

type ButtonProps = ComponentProps<"button"> & { look?: keyof typeof looks };

export function Button({ look = "plain", className = "", type = "button", ...rest }: ButtonProps) {
  return (
    <button
      type={type}
      className={`inline-flex min-h-10 items-center justify-center gap-2 rounded-box px-4 py-2 font-medium text-name transition-colors duration-100 ${looks[look]} ${className}`}
      {...rest}
    />
  );
}

/** A button that is only a picture; its label is its name for those who do not see it, and its tooltip. */
export function IconButton(props: ComponentProps<"button"> & { label: string; children: ReactNode }) {
  const { label, className = "", type = "button", ...rest } = props;
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={`inline-flex size-10 shrink-0 items-center justify-center rounded-box text-ink-2 transition-colors duration-100 hover:bg-hover hover:text-ink disabled:opacity-40 ${className}`}
      {...rest}
    />
  );
}
