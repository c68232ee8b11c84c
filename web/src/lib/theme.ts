// Light, dark or as the system says, kept in this browser.
import { Cell } from "./cell.ts";

export type Theme = "system" | "light" | "dark";

const key = "parley-theme";

function stored(): Theme {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const theme = new Cell<Theme>(stored());

export function setTheme(value: Theme): void {
  theme.set(value);
  applyTheme();
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

export function applyTheme(): void {
  const value = theme.getSnapshot();
  if (value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
}
