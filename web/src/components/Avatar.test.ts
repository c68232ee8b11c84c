import { expect, test } from "vitest";
import { initials } from "./Avatar.tsx";

test.each([
  ["Alice Moreau", "AM"],
  ["bob", "B"],
  ["Ana de la Cruz", "AC"],
  ["Release 1.0", "R1"],
  ["mara.okafor", "MO"],
  ["李 雷", "李雷"],
  ["(x)", "X"],
  ["🙂", "🙂"],
  ["", "·"],
])("%s is %s", (name, expected) => expect(initials(name)).toBe(expected));
