package target

import (
	"errors"
	"testing"
)

func TestIsDuplicate(t *testing.T) {
	for text, want := range map[string]bool{
		`.spec.ports: duplicate entries for key [port=80,protocol="TCP"]`: true, "conflict": false, "": false,
	} {
		var err error // of no error at all it is none
		if text != "" {
			err = errors.New(text)
		}
		if got := isDuplicate(err); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
