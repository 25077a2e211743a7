package web

import (
	"html/template"
	"strings"
)

// items are what a region repeats, so that one that has changed can be sent alone: those
// elements that have an id first and data-item last of their attributes, and no element
// of their own kind in them.
type items struct {
	// shell is the hash of the region without them.
	shell string
	ids   []string
	// hashes are those of the items, in the order of ids.
	hashes []string
}

const itemMark = " data-item>"

// split finds the items of a region, and the HTML of each.
func split(html template.HTML) (it items, each []string) {
	var shell strings.Builder
	rest := string(html)
	for {
		at := strings.Index(rest, itemMark)
		if at < 0 {
			break
		}
		start := strings.LastIndexByte(rest[:at], '<')
		kind, attributes, _ := strings.Cut(rest[start+1:at], " ")
		end := strings.Index(rest[at:], "</"+kind+">")
		id, quoted := strings.CutPrefix(attributes, `id="`)
		if end < 0 || !quoted {
			break
		}
		end += at + len("</"+kind+">")
		id, _, _ = strings.Cut(id, `"`)
		one := rest[start:end]
		it.ids, each = append(it.ids, id), append(each, one)
		it.hashes = append(it.hashes, stableHash(one))
		shell.WriteString(rest[:start])
		rest = rest[end:]
	}
	shell.WriteString(rest)
	it.shell = stableHash(shell.String())
	return it, each
}

// changed are the indexes of those items that differ from before; ok is false where the
// region has become different in anything else.
func (it items) changed(before items) (indexes []int, ok bool) {
	if it.shell != before.shell || len(it.ids) != len(before.ids) {
		return nil, false
	}
	for i, id := range it.ids {
		if id != before.ids[i] {
			return nil, false
		}
		if it.hashes[i] != before.hashes[i] {
			indexes = append(indexes, i)
		}
	}
	return indexes, true
}
