package cue

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// problem is CUE's error for people: the first ones, each with file and line.
func problem(where string, err error) error {
	const most, enough = 5, 500
	var texts []string
	for _, e := range errors.Errors(err) {
		if len(texts) == most {
			texts = append(texts, "…")
			break
		}
		text := placesOf(e, where) + ": " + strings.TrimSpace(e.Error())
		if len(text) > enough {
			text = strings.ToValidUTF8(text[:enough], "") + "…"
		}
		if strings.Contains(text, "cannot find module providing package") {
			text += "; vendor it below cue.mod/pkg: no registry is asked"
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return model.Invalidf("%s", strings.Join(texts, "\n"))
}

// placesOf are the first places that an error is about.
func placesOf(err error, where string) string {
	const most = 3
	var places []string
	for _, at := range errors.Positions(err) {
		if place := placeOf(at); len(places) < most && !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	if len(places) == 0 {
		return where
	}
	return strings.Join(places, " and ")
}

// placeOf is file and line.
func placeOf(at token.Pos) string {
	file := strings.TrimPrefix(at.Filename(), "/")
	if at.Line() == 0 {
		return file
	}
	return fmt.Sprintf("%s, line %d", file, at.Line())
}
