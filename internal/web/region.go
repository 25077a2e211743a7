package web

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"io"
	"strings"
)

// Region is a part of a page that can be sent alone.
type Region struct {
	Name string
	HTML template.HTML
	// Hash is that of all that is in it but the texts of its ages, which readers'
	// browsers keep current themselves.
	Hash string
}

func newRegion(name string, html template.HTML) Region {
	return Region{Name: name, HTML: html, Hash: stableHash(string(html))}
}

// stableHash is a hash of HTML without the texts of its ages.
func stableHash(text string) string {
	h := sha256.New()
	for {
		before, tail, found := strings.Cut(text, "<time ")
		_, _ = io.WriteString(h, before) // a hash takes everything
		if !found {
			break
		}
		tag, tail, _ := strings.Cut(tail, ">")
		_, _ = io.WriteString(h, tag)
		_, text, _ = strings.Cut(tail, "</time>")
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}

// have lists regions with their hashes; had reads such a list.
func have(regions []Region) string {
	parts := make([]string, len(regions))
	for i, r := range regions {
		parts[i] = r.Name + ":" + r.Hash
	}
	return strings.Join(parts, ",")
}

func had(list string) map[string]string {
	hashes := map[string]string{}
	for part := range strings.SplitSeq(list, ",") {
		if name, hash, ok := strings.Cut(part, ":"); ok {
			hashes[name] = hash
		}
	}
	return hashes
}
