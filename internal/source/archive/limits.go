package archive

import (
	"cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Limits bound what an archive may hold. A zero is the default.
type Limits struct {
	// Compressed is the size of an archive as it is fetched; default 64 MiB.
	Compressed int64
	// Extracted is the size of all its files; default 256 MiB.
	Extracted int64
	// File is the size of one file; default 32 MiB.
	File int64
	// Entries is how many there may be, of any kind; default 50,000.
	Entries int
	// Path is the length of a name; default 1,024 bytes.
	Path int
	// Depth is how many folders may be in each other; default 64.
	Depth int
}

// WithDefaults is l without zeros.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Compressed: cmp.Or(l.Compressed, 64<<20),
		Extracted:  cmp.Or(l.Extracted, 256<<20),
		File:       cmp.Or(l.File, 32<<20),
		Entries:    cmp.Or(l.Entries, 50_000),
		Path:       cmp.Or(l.Path, 1024),
		Depth:      cmp.Or(l.Depth, 64),
	}
}

func tooMuch(what string, limit int64) error {
	return model.Invalidf("%s more than the limit of %d; make the artifact smaller", what, limit)
}
