package history

import "strings"

// The most bytes of a text that is stored for people.
const (
	maxName    = 512  // who, kinds, addresses
	maxObject  = 1024 // names of objects, revisions
	maxMessage = 4096
	maxSearch  = 256
)

// bounded is a text that both databases take, of at most limit bytes: without
// zero bytes and what is no UTF-8. What is cut off shows as "…".
func bounded(text string, limit int) string {
	const more = "…"
	cut := len(text) > limit
	if cut {
		text = text[:limit-len(more)]
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")
	if cut {
		text += more
	}
	return text
}

// containing is the pattern of LIKE, with the escape character "\", for texts that
// were folded and contain what is searched.
func containing(search string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(folded(bounded(search, maxSearch)))
	return "%" + escaped + "%"
}

// folded is a text in which case does not matter.
func folded(text string) string { return strings.ToLower(text) }
