package config

import "strings"

// Nearest returns the candidate with the fewest single-letter changes from name, and whether that is
// few enough to be what was meant: at most a third of the letters, and always up to two. A candidate
// that name is the beginning of, from four letters on, is one change away.
func Nearest(name string, candidates []string) (string, bool) {
	best, fewest := "", len(name)+1
	for _, candidate := range candidates {
		d := distance(name, candidate)
		if len(name) >= 4 && strings.HasPrefix(candidate, name) {
			d = min(d, 1)
		}
		if d < fewest {
			best, fewest = candidate, d
		}
	}
	return best, best != "" && fewest <= max(2, len(name)/3)
}

// distance counts insertions, deletions, replacements and swaps of neighbours between a and b.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
