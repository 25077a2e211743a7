package textdiff

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// objectOf reads an object; "" is nil.
func objectOf(t testing.TB, text string) (object map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// textOf shows hunks as people know them, with line numbers.
func textOf(hunks []view.Hunk) string {
	var b strings.Builder
	for _, h := range hunks {
		b.WriteString("@@\n")
		for _, l := range h.Lines {
			fmt.Fprintf(&b, "%c%d,%d %s\n", l.Op, l.Old, l.New, l.Text)
		}
	}
	return b.String()
}

func TestHunks(t *testing.T) {
	for name, test := range map[string]struct {
		before, after  string
		context        int
		want           string
		added, removed int
	}{
		"nothing": {"", "", 3, "", 0, 0},
		"equal, in another order": {
			"{kind: ConfigMap, apiVersion: v1, data: {b: x, a: y}}", "{data: {a: y, b: x}, apiVersion: v1, kind: ConfigMap}", 3, "", 0, 0,
		},
		"created": {
			"", "{spec: {size: 1}, kind: A, apiVersion: v1, metadata: {name: x}}", 3,
			"@@\n+0,1 apiVersion: v1\n+0,2 kind: A\n+0,3 metadata:\n+0,4   name: x\n+0,5 spec:\n+0,6   size: 1\n", 6, 0,
		},
		"deleted": {"{apiVersion: v1, kind: A}", "", 3, "@@\n-1,0 apiVersion: v1\n-2,0 kind: A\n", 0, 2},
		"changed": {
			"{kind: A, spec: {replicas: 2, strategy: x}}", "{kind: A, spec: {replicas: 3, strategy: x}}", 1,
			"@@\n 2,2 spec:\n-3,0   replicas: 2\n+0,3   replicas: 3\n 4,4   strategy: x\n", 1, 1,
		},
		"no surroundings": {
			"{kind: A, spec: {a: 1, b: 2, c: 3}}", "{kind: A, spec: {a: 0, b: 2, c: 4}}", -1,
			"@@\n-3,0   a: 1\n+0,3   a: 0\n@@\n-5,0   c: 3\n+0,5   c: 4\n", 2, 2,
		},
		"two near each other are one": {
			"{kind: A, spec: {a: 1, b: 2, c: 3}}", "{kind: A, spec: {a: 0, b: 2, c: 4}}", 1,
			"@@\n 2,2 spec:\n-3,0   a: 1\n+0,3   a: 0\n 4,4   b: 2\n-5,0   c: 3\n+0,5   c: 4\n", 2, 2,
		},
		"all surroundings": {
			"{kind: A, list: [a, b, c]}", "{kind: A, list: [a, c]}", math.MaxInt,
			"@@\n 1,1 kind: A\n 2,2 list:\n 3,3 - a\n-4,0 - b\n 5,4 - c\n", 0, 1,
		},
		"numbers after an insertion": {
			"{kind: A, list: [a, b, c, d, e, f]}", "{kind: A, list: [x, z, a, b, c, d, e]}", 1,
			"@@\n 2,2 list:\n+0,3 - x\n+0,4 - z\n 3,5 - a\n@@\n 7,9 - e\n-8,0 - f\n", 2, 1,
		},
		"lines of a text": {
			`{data: {x: "one\ntwo\nthree\n"}}`, `{data: {x: "one\n2\nthree\n"}}`, 1,
			"@@\n 3,3     one\n-4,0     two\n+0,4     2\n 5,5     three\n", 1, 1,
		},
		"null is not absent": {"{a: null}", "{b: null}", 0, "@@\n-1,0 a: null\n+0,1 b: null\n", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			hunks, added, removed := Hunks(objectOf(t, test.before), objectOf(t, test.after), test.context)
			if diff := cmp.Diff(test.want, textOf(hunks)); diff != "" || added != test.added || removed != test.removed {
				t.Errorf("%d added, %d removed (-want +got):\n%s", added, removed, diff)
			}
		})
	}
}

// TestLongValue: of a large value only the line that differs is shown.
func TestLongValue(t *testing.T) {
	value := strings.Repeat("a text: of # some \"words\" ", 1<<16)
	config := func(value string) map[string]any {
		return map[string]any{"kind": "ConfigMap", "data": map[string]any{"long": value, "other": value}}
	}
	hunks, added, removed := Hunks(config(value), config(value+"more"), 0)
	if added != 2 || removed != 2 || len(hunks) != 2 {
		t.Errorf("%d hunks, %d added, %d removed", len(hunks), added, removed)
	}
}

func TestNoJSON(t *testing.T) {
	hunks, _, _ := Hunks(nil, map[string]any{"kind": "A", "spec": math.NaN()}, 0)
	if got := textOf(hunks); got != "@@\n+0,1 kind: A\n+0,2 spec: # can't be shown\n" {
		t.Error(got)
	}
}

// TestLarge: it ends, with lines that are right; and where only some lines of many
// differ, with those alone.
func TestLarge(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	lines := func(n int, line func(int) string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = line(i)
		}
		return out
	}
	const n = 100_000
	for name, test := range map[string]struct {
		before, after []string
		most          int // of added lines
	}{
		"one long line":      {[]string{"a: " + long}, []string{"a: " + long + "y"}, 1},
		"many long lines":    {lines(200, func(int) string { return long }), lines(190, func(int) string { return long }), 0},
		"every 50th":         {lines(n, func(i int) string { return fmt.Sprint(i) }), lines(n, func(i int) string { return fmt.Sprint(i) + map[bool]string{true: "x"}[i%50 == 0] }), n / 50},
		"nothing in common":  {lines(n, func(i int) string { return fmt.Sprint("a", i) }), lines(n, func(i int) string { return fmt.Sprint("b", i) }), n},
		"the other way":      {lines(n, func(i int) string { return fmt.Sprint(i) }), lines(n, func(i int) string { return fmt.Sprint(n - i) }), n},
		"few different ones": {lines(n, func(i int) string { return fmt.Sprint(i % 7) }), lines(n, func(i int) string { return fmt.Sprint(i % 5) }), n},
	} {
		t.Run(name, func(t *testing.T) {
			hunks, added, _ := hunksOf(test.before, test.after, 3)
			if added > test.most {
				t.Errorf("%d lines are new, at most %d are", added, test.most)
			}
			if got, why := applied(test.before, hunks); why != "" || strings.Join(got, "\n") != strings.Join(test.after, "\n") {
				t.Errorf("they don't make one of the other: %s", why)
			}
		})
	}
}

// TestManyChanges: what is far apart stays apart, however many there are.
func TestManyChanges(t *testing.T) {
	before, after := map[string]any{}, map[string]any{}
	for i := range 1000 {
		key := fmt.Sprintf("key-%04d", i)
		before[key], after[key] = "same", "same"
		if i%5 == 0 {
			after[key] = "other"
		}
	}
	hunks, added, removed := Hunks(map[string]any{"data": before}, map[string]any{"data": after}, 1)
	if added != 200 || removed != 200 || len(hunks) != 200 {
		t.Errorf("%d hunks, %d added, %d removed", len(hunks), added, removed)
	}
}

// applied is what hunks make of lines; why says what does not fit.
func applied(before []string, hunks []view.Hunk) (after []string, why string) {
	at := 0
	for _, h := range hunks {
		changed := false
		for _, l := range h.Lines {
			changed = changed || l.Op != ' '
			if l.Op != '+' {
				if l.Old-1 < at || l.Old > len(before) || before[l.Old-1] != l.Text {
					return nil, fmt.Sprintf("line %d is not %.80q", l.Old, l.Text)
				}
				after = append(after, before[at:l.Old-1]...)
				at = l.Old
			}
			if l.Op != '-' {
				if l.Op == '+' && len(after)+1 < l.New { // equal lines that no hunk shows
					missing := l.New - 1 - len(after)
					if at+missing > len(before) {
						return nil, fmt.Sprintf("line %d can't be there", l.New)
					}
					after = append(after, before[at:at+missing]...)
					at += missing
				}
				if after = append(after, l.Text); len(after) != l.New {
					return nil, fmt.Sprintf("line %d comes as %d", l.New, len(after))
				}
			}
		}
		if !changed {
			return nil, "a hunk without a change"
		}
	}
	return append(after, before[at:]...), ""
}

// TestSecurityTurnedLines (CVE-2021-42574): a change can't be written so that its line looks
// like another, nor steer a terminal.
func TestSecurityTurnedLines(t *testing.T) {
	before := map[string]any{"args": []any{"--safe"}}
	after := map[string]any{"args": []any{"--safe\u202e \u2066 # nothing\u2069", "\x1b[2K\rnothing"}}
	hunks, _, _ := Hunks(before, after, 3)
	got := textOf(hunks)
	if strings.ContainsAny(got, "\u202e\u2066\u2069\x1b\r") || !strings.Contains(got, `\u202E`) || !strings.Contains(got, `\u2066`) {
		t.Errorf("%q", got)
	}
}

// TestSecurityDeepObjects: neither depth nor long keys make a diff much longer than what it
// is of.
func TestSecurityDeepObjects(t *testing.T) {
	var deep any = "bottom"
	for range 1000 {
		deep = map[string]any{"a": deep}
	}
	key := strings.Repeat("k", 1000)
	items := func(value string) any {
		var out []any
		for i := range 2000 {
			text := fmt.Sprint("same ", i)
			if i%20 == 0 {
				text = value
			}
			out = append(out, text)
		}
		return map[string]any{key: map[string]any{key: out}}
	}
	hunks, added, removed := Hunks(map[string]any{"deep": deep, "long": items("old")}, map[string]any{"deep": deep, "long": items("new")}, 3)
	size := 0
	for _, h := range hunks {
		size += len(h.Within)
		for _, l := range h.Lines {
			size += len(l.Text)
		}
	}
	if added != 100 || removed != 100 || size > 200_000 {
		t.Errorf("%d added, %d removed, %d bytes in %d hunks", added, removed, size, len(hunks))
	}
	if got := len(linesOf(map[string]any{"deep": deep})); got > 2*deepest {
		t.Errorf("%d lines", got)
	}
	long := strings.Repeat("k", 2000)
	if _, added, _ := Hunks(map[string]any{"a": map[string]any{long: "old"}}, map[string]any{"a": map[string]any{long: "new"}}, 3); added == 0 {
		t.Error("a change beside a long key is not shown")
	}
}

// FuzzApply: the hunks always make one of the other.
func FuzzApply(f *testing.F) {
	f.Add("a\nb\nc", "a\nc\nd", 1)
	f.Add("", "a", 0)
	f.Add("a\na\nb\na", "a\nb\nb\na\na", 2)
	f.Add(strings.Repeat("a\nb\nc\n", 80), strings.Repeat("c\nb\n", 90), 3)
	f.Fuzz(func(t *testing.T, a, b string, context int) {
		before, after := strings.Split(a, "\n"), strings.Split(b, "\n")
		hunks, added, removed := hunksOf(before, after, context)
		got, why := applied(before, hunks)
		if diff := cmp.Diff(after, got); why != "" || diff != "" || len(before)+added-removed != len(after) {
			t.Errorf("%s, %d added, %d removed (-want +got):\n%s", why, added, removed, diff)
		}
		if a == b && len(hunks) > 0 {
			t.Errorf("equal texts differ: %v", hunks)
		}
	})
}
