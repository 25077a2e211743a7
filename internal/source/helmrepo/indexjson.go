package helmrepo

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// maxDepth bounds how deep values are in each other in what is passed over.
const maxDepth = 100

// scanJSON is scan for an index in JSON.
func scanJSON(r io.Reader, wanted map[string]bool) (map[string]*listing, error) {
	found := map[string]*listing{}
	d := json.NewDecoder(r)
	apiVersion := false
	err := eachKey(d, func(key string) error {
		switch key {
		case "apiVersion":
			apiVersion = true
		case "entries":
			return eachKey(d, func(chart string) error {
				if !wanted[chart] {
					return skip(d)
				}
				if found[chart] == nil {
					found[chart] = &listing{}
				}
				return found[chart].decode(d)
			})
		}
		return skip(d)
	})
	if err == nil && !apiVersion {
		err = model.Invalidf("index.yaml is no index of a Helm repository: it has no apiVersion")
	}
	return found, err
}

// eachKey goes through an object; visit reads the value. null has no keys.
func eachKey(d *json.Decoder, visit func(key string) error) error {
	begin, err := d.Token()
	if err != nil || begin == nil {
		return err
	}
	if begin != json.Delim('{') {
		return model.Invalidf("index.yaml is no index of a Helm repository")
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		if err := visit(key); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// decode reads a list of versions, one at a time.
func (l *listing) decode(d *json.Decoder) error {
	begin, err := d.Token()
	if err != nil || begin == nil {
		return err
	}
	if begin != json.Delim('[') {
		return model.Invalidf("index.yaml: the versions of a chart are no list")
	}
	for d.More() {
		var v *version
		err := d.Decode(&v)
		var other *json.UnmarshalTypeError
		switch {
		case errors.As(err, &other):
			l.err = model.Invalidf("index.yaml: a version can't be read: %w", err)
		case err != nil:
			return err
		default:
			l.note(v)
		}
	}
	_, err = d.Token()
	return err
}

// skip passes over a value without keeping it.
func skip(d *json.Decoder) error {
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			if depth++; depth > maxDepth {
				return model.Invalidf("index.yaml: values are nested deeper than %d", maxDepth)
			}
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}
