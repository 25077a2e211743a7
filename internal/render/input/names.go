package input

import (
	"path"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Clean is a path as users write it as a name in a tree: "", ".", "./x" and
// "/x" are relative to the root. One that leads out of it is model.ErrInvalid.
func Clean(p string) (string, error) {
	if strings.ContainsRune(p, 0) || strings.Contains(p, `\`) {
		return "", model.Invalidf("path %q has a character that can't be in a path; separate directories by /", p)
	}
	clean := path.Clean(strings.TrimLeft(p, "/"))
	if p == "" || clean == "/" {
		clean = "."
	}
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", model.Invalidf("path %q leads out of the source; name a directory inside of it", p)
	}
	return clean, nil
}

// Within reports whether name is dir or below it.
func Within(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}

// Relative is name, which is below dir, as seen from there.
func Relative(name, dir string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}
