package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	testNamed = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
	inPackage = regexp.MustCompile("^([a-z0-9/]+): (`(?:Test|Fuzz)\\w+`(?:, `(?:Test|Fuzz)\\w+`)*)$")
)

// testsOf are the tests of a folder.
func testsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range testFunc.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	return found
}

// TestAdvisories holds docs/security.md to what it says: each row of its tables of
// tests names some, in the form "folder: `Test`, `Test`; folder: `Test`", and all of
// them exist.
func TestAdvisories(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, tables, ok := strings.Cut(string(text), "\n## Tests\n")
	if !ok {
		t.Fatal("docs/security.md has no section Tests")
	}
	rows, known := 0, map[string]map[string]bool{}
	for line := range strings.Lines(tables) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasPrefix(line, "| Advisory") {
			continue
		}
		rows++
		if len(cells) != 3 {
			t.Errorf("%q has %d cells", line, len(cells))
			continue
		}
		for part := range strings.SplitSeq(strings.TrimSpace(cells[2]), "; ") {
			m := inPackage.FindStringSubmatch(part)
			if m == nil {
				t.Errorf("%s: %q does not name tests of a folder", strings.TrimSpace(cells[0]), part)
				continue
			}
			if known[m[1]] == nil {
				known[m[1]] = testsOf(t, m[1])
			}
			for _, name := range testNamed.FindAllStringSubmatch(m[2], -1) {
				if !known[m[1]][name[1]] {
					t.Errorf("%s: there is no %s in %s", strings.TrimSpace(cells[0]), name[1], m[1])
				}
			}
		}
	}
	if rows < 40 {
		t.Errorf("only %d rows were read", rows)
	}
}
