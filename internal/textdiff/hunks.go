// Package textdiff shows how two objects differ, as lines of YAML. It is for people:
// what a difference means is compare's.
//
// It is pure, and its effort is bounded: where objects are very large and have little
// in common, more lines count as different than have to, but the lines are always
// those that make one of the other.
package textdiff

import (
	"strings"

	"github.com/aymanbagabas/go-udiff/lcs"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Hunks are the differing parts of two objects as YAML, each with so many equal lines
// before and after it, and how many lines were added and removed. nil is an object
// that is not there. Lines are as long as they are, and what would turn a line round is
// written out (model.Visible): a change looks like what it is.
func Hunks(before, after map[string]any, context int) (hunks []view.Hunk, added, removed int) {
	return hunksOf(linesOf(before), linesOf(after), context)
}

func linesOf(object map[string]any) []string {
	text := yamlOf(object)
	if text == "" {
		return nil
	}
	return strings.Split(model.Visible(strings.TrimSuffix(text, "\n")), "\n")
}

func hunksOf(before, after []string, context int) (hunks []view.Hunk, added, removed int) {
	context = min(max(context, 0), len(before)+len(after))
	changes := changesOf(before, after)
	was, is := place{lines: before}, place{lines: after}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Start-changes[n-1].End <= 2*context {
			n++
		}
		h := hunkOf(before, after, changes[:n], context)
		h.Within = is.within(changes[0].ReplStart)
		if changes[0].End > changes[0].Start {
			h.Within = was.within(changes[0].Start)
		}
		hunks = append(hunks, h)
		for _, c := range changes[:n] {
			added += c.ReplEnd - c.ReplStart
			removed += c.End - c.Start
		}
		changes = changes[n:]
	}
	return hunks, added, removed
}

// hunkOf is one hunk of changes that are near each other.
func hunkOf(before, after []string, changes []lcs.Diff, context int) view.Hunk {
	var h view.Hunk
	equal := func(from, to, shift int) {
		for i := max(from, 0); i < min(to, len(before)); i++ {
			h.Lines = append(h.Lines, view.Line{Op: ' ', Text: before[i], Old: i + 1, New: i + 1 + shift})
		}
	}
	at := changes[0].Start - context
	shift := 0
	for _, c := range changes {
		equal(at, c.Start, c.ReplStart-c.Start)
		for i := c.Start; i < c.End; i++ {
			h.Lines = append(h.Lines, view.Line{Op: '-', Text: before[i], Old: i + 1})
		}
		for i := c.ReplStart; i < c.ReplEnd; i++ {
			h.Lines = append(h.Lines, view.Line{Op: '+', Text: after[i], New: i + 1})
		}
		at, shift = c.End, c.ReplEnd-c.End
	}
	equal(at, at+context, shift)
	return h
}
