import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useClient } from "./client.tsx";
import { useRested } from "./hooks.ts";

/** People whose names begin with what was typed, from two letters on. */
export function useFoundPeople(typed: string) {
  const client = useClient();
  const q = useRested(typed.trim(), 150);
  return useQuery({
    queryKey: ["users", "search", q],
    queryFn: ({ signal }) => client.api.searchUsers(q, signal),
    enabled: [...q].length >= 2,
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
}
