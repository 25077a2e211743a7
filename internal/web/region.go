package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"strings"
)

// region is a part of a page that can be sent alone.
type region struct {
	Name string
	HTML template.HTML
	// Hash is that of all that is in it but the texts of its ages, which readers'
	// browsers keep current themselves.
	Hash string
}

func newRegion(name string, html template.HTML) region {
	h := sha256.New()
	rest := []byte(html)
	for {
		before, tail, found := bytes.Cut(rest, []byte("<time "))
		h.Write(before)
		if !found {
			break
		}
		tag, tail, _ := bytes.Cut(tail, []byte(">"))
		h.Write(tag)
		_, rest, _ = bytes.Cut(tail, []byte("</time>"))
	}
	return region{Name: name, HTML: html, Hash: base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])}
}

// have lists regions with their hashes; had reads such a list.
func have(regions []region) string {
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
