package kustomize

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// wrong is an error about a place. What is not about files or settings keeps
// its kind.
func (b *build) wrong(place string, err error) error {
	if b.in.Broken() != nil {
		return b.in.Broken()
	}
	if errors.Is(err, errNeedsSchema) {
		return err
	}
	var ours fault
	if !errors.As(err, &ours) {
		return model.Invalidf("%s: %s", place, problemText(err))
	}
	err = fmt.Errorf("%s: %w", place, ours.error)
	for _, kind := range []error{model.ErrInvalid, model.ErrDenied, model.ErrTransient, model.ErrNotFound} {
		if errors.Is(err, kind) {
			return err
		}
	}
	return model.As(model.ErrInvalid, err)
}

func isFault(err error) bool {
	var f fault
	return errors.As(err, &f)
}

var (
	// What the library prints of its input may be a secret.
	printedConfig  = regexp.MustCompile("(?s) with config: `\n.*?`(: |$)")
	printedPatch   = regexp.MustCompile(`(?s)\[patch: ".*?[^\\]"\]`)
	printedLiteral = regexp.MustCompile(`(?s)invalid literal source .*, expected`)
	printedValue   = regexp.MustCompile("(?s)`.*`")
	printedList    = regexp.MustCompile(`\[.*\]`)
	printedMap     = regexp.MustCompile(`\{.*\}`)
	noGroup        = strings.NewReplacer(".[noGrp]", "", ".[noNs]", "", "[noName]", "(no name)")
)

// problemText is an error of the library for people, without what it prints of
// its input.
func problemText(err error) string {
	text := printedConfig.ReplaceAllString(err.Error(), "$1")
	text = printedPatch.ReplaceAllString(text, "the patch")
	text = printedLiteral.ReplaceAllString(text, "invalid literal source, expected")
	text, _, _ = strings.Cut(text, "\n")
	text = noGroup.Replace(text)
	text = printedValue.ReplaceAllString(text, "`…`")
	text = printedList.ReplaceAllString(text, "[…]")
	text = printedMap.ReplaceAllString(text, "{…}")
	text = strings.TrimPrefix(text, "MalformedYAMLError: ")
	const most = 1500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.Join(strings.Fields(text), " ")
}
