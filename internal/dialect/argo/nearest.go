package argo

import (
	"maps"
	"slices"
	"strings"
)

// nearest is the known word that a mistyped one is most like; "" if there is none
// that is like it.
func nearest[V any](word string, known map[string]V) string {
	best, least := "", len(word)/4+1
	for _, k := range slices.Sorted(maps.Keys(known)) {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters have to be put in, taken out or changed to make
// one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, cost)
		}
	}
	return row[len(b)]
}
