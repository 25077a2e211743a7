// Package lfs reads files that Git LFS keeps apart from a repository
// (https://github.com/git-lfs/git-lfs/tree/main/docs). It speaks the batch API
// with the basic transfer; which server that is, and who we are there, it is told.
package lfs

import (
	"strconv"
	"strings"
)

// Pointer is what the repository has in place of a file.
type Pointer struct {
	// OID is the SHA-256 of the content in hexadecimal.
	OID  string
	Size int64
}

// MaxPointer is the size of the largest pointer.
const MaxPointer = 1024

var versions = []string{"version https://git-lfs.github.com/spec/v1\n", "version https://hawser.github.com/spec/v1\n"}

// Parse reads a pointer; false if the data is none.
func Parse(data []byte) (Pointer, bool) {
	var p Pointer
	if len(data) > MaxPointer {
		return p, false
	}
	text, found := string(data), false
	for _, v := range versions {
		if rest, ok := strings.CutPrefix(text, v); ok {
			text, found = rest, true
		}
	}
	oid, rest, _ := strings.Cut(text, "\n")
	size, end, _ := strings.Cut(rest, "\n")
	sum, ok := strings.CutPrefix(oid, "oid sha256:")
	number, ok2 := strings.CutPrefix(size, "size ")
	n, err := strconv.ParseInt(number, 10, 64)
	p.OID, p.Size = sum, n
	return p, found && ok && ok2 && end == "" && err == nil && n >= 0 && strconv.FormatInt(n, 10) == number && isSum(p.OID)
}

func isSum(oid string) bool {
	return len(oid) == 64 && strings.Trim(oid, "0123456789abcdef") == ""
}
