package model

import (
	"bytes"
	"encoding/json"
)

// Hidden is text that may be secret. It prints as "(hidden)"; string(h) is the
// text. As JSON it is a digest of the text: two that differ, differ there.
type Hidden []byte

const hidden = "(hidden)"

// String hides the text.
func (h Hidden) String() string { return hidden }

// GoString hides the text from %#v.
func (h Hidden) GoString() string { return hidden }

// MarshalText hides the text from logs.
func (h Hidden) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Equal compares the texts.
func (h Hidden) Equal(o Hidden) bool { return bytes.Equal(h, o) }

// MarshalJSON writes a digest of the text.
func (h Hidden) MarshalJSON() ([]byte, error) {
	return json.Marshal(DigestOf(h).String())
}
