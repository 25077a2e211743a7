package textdiff

import (
	"slices"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// changesOf are the runs of lines that differ, in order. Lines that occur once in
// each text are where they are looked for in parts: the library gives up after about
// a hundred differences, which an object of thousands of lines has soon.
func changesOf(before, after []string) []lcs.Diff {
	a, b := numbered(before, after)
	var out []lcs.Diff
	var fromA, fromB int
	for _, p := range append(anchors(a, b), pair{len(a), len(b)}) {
		for _, d := range between(a[fromA:p.a], b[fromB:p.b]) {
			d.Start, d.End, d.ReplStart, d.ReplEnd = d.Start+fromA, d.End+fromA, d.ReplStart+fromB, d.ReplEnd+fromB
			out = append(out, d)
		}
		fromA, fromB = p.a+1, p.b+1
	}
	return out
}

// between are the differences of two parts, which may be empty.
func between(a, b []rune) []lcs.Diff {
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	if len(a) == 0 || len(b) == 0 {
		return []lcs.Diff{{End: len(a), ReplEnd: len(b)}}
	}
	return lcs.DiffRunes(a, b)
}

// numbered gives equal lines equal numbers, so that long ones are compared once.
func numbered(before, after []string) (a, b []rune) {
	numbers := map[string]rune{}
	number := func(lines []string) []rune {
		out := make([]rune, len(lines))
		for i, line := range lines {
			n, ok := numbers[line]
			if !ok {
				n = rune(len(numbers))
				numbers[line] = n
			}
			out[i] = n
		}
		return out
	}
	return number(before), number(after)
}

// pair is a line of each text.
type pair struct{ a, b int }

// anchors are the longest run of equal lines that occur once in each text and are in
// the same order in both.
func anchors(a, b []rune) []pair {
	inB := once(b)
	onceA := once(a)
	// tails[n] is the pair that ends the best run of n+1 pairs, by its index in found.
	var found []pair
	var previous, tails []int
	for i, line := range a {
		j, ok := inB[line]
		if _, single := onceA[line]; !ok || !single {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, j, func(k, j int) int { return found[k].b - j })
		before := -1
		if n > 0 {
			before = tails[n-1]
		}
		found, previous = append(found, pair{i, j}), append(previous, before)
		if n == len(tails) {
			tails = append(tails, 0)
		}
		tails[n] = len(found) - 1
	}
	var run []pair
	if len(tails) > 0 {
		for k := tails[len(tails)-1]; k >= 0; k = previous[k] {
			run = append(run, found[k])
		}
	}
	slices.Reverse(run)
	return run
}

// once says where those lines are that occur once.
func once(lines []rune) map[rune]int {
	at := make(map[rune]int, len(lines))
	var repeated []rune
	for i, line := range lines {
		if _, ok := at[line]; ok {
			repeated = append(repeated, line)
		}
		at[line] = i
	}
	for _, line := range repeated {
		delete(at, line)
	}
	return at
}
