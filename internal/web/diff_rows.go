package web

import "github.com/fixpoint-cd/fixpoint/internal/view"

// diffRow is a row of a diff side by side; a side without a line is nil.
type diffRow struct{ Before, After *view.Line }

// sideBySide pairs the lines of a hunk: those that are removed stand beside those that
// are added in their place.
func sideBySide(lines []view.Line) []diffRow {
	var rows []diffRow
	for i := 0; i < len(lines); {
		if lines[i].Op == ' ' {
			rows = append(rows, diffRow{&lines[i], &lines[i]})
			i++
			continue
		}
		removed := run(lines, i, '-')
		added := run(lines, removed, '+')
		for n := range max(removed-i, added-removed) {
			var row diffRow
			if i+n < removed {
				row.Before = &lines[i+n]
			}
			if removed+n < added {
				row.After = &lines[removed+n]
			}
			rows = append(rows, row)
		}
		i = added
	}
	return rows
}

// run is the index after the lines from i on that have the sign.
func run(lines []view.Line, i int, op rune) int {
	for i < len(lines) && lines[i].Op == op {
		i++
	}
	return i
}
