package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	kjson "sigs.k8s.io/json"
)

// Decoder makes objects of the content of one file.
type Decoder struct {
	// File is the name of the file, for messages and Object.Origin; its extension
	// tells JSON from YAML.
	File string
	// Warnf takes warnings. Malformed is told of a file or document that is neither
	// a manifest nor anything else that can be read, and of the format that it
	// should have.
	Warnf     func(format string, args ...any)
	Malformed func(place, format string)

	made []model.Object
	// manifests: a document is one, or a list of them.
	manifests bool
	// other are the places of documents that are no manifests.
	other []string
}

// Objects are those of data, in order, lists taken apart.
func (d *Decoder) Objects(data []byte) ([]model.Object, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	err := Guard(data)
	if err != nil {
		return nil, model.Invalidf("%s, %w", d.File, err)
	}
	if path.Ext(d.File) == ".json" {
		err = d.json(data)
	} else {
		err = d.yaml(data)
	}
	if err != nil {
		return nil, err
	}
	return d.made, d.others()
}

// others says what is done about documents that are no manifests: next to
// manifests they are a mistake, else the file is for something else.
func (d *Decoder) others() error {
	if len(d.other) > 0 && d.manifests {
		return model.Invalidf("%s: no apiVersion, kind or metadata, unlike other documents of the file; "+
			"add them or remove the document", d.other[0])
	}
	if len(d.other) > 0 {
		d.Warnf("%s: no manifest (it has no apiVersion, kind or metadata): skipped", d.File)
	}
	return nil
}

func (d *Decoder) json(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	var value any
	strict, err := kjson.UnmarshalStrict(data, &value)
	if err != nil {
		return d.jsonError(data, err)
	}
	if len(strict) > 0 {
		return model.Invalidf("%s: %w", d.File, strict[0])
	}
	text, err := json.Marshal(value)
	if err != nil {
		return model.Invalidf("%s: %w", d.File, err)
	}
	return d.document(d.File, text)
}

// jsonError names the line where the text is no JSON.
func (d *Decoder) jsonError(data []byte, err error) error {
	if !looksLikeManifest(data) {
		d.Malformed(d.File, "JSON")
		return nil
	}
	reader := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	if reader.Decode(&first) == nil && !errors.Is(reader.Decode(&first), io.EOF) {
		return model.Invalidf("%s: text after the end of the object; put several objects into a List or into several files", d.File)
	}
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(data, new(any)), &syntax) {
		line := 1 + bytes.Count(data[:syntax.Offset], []byte("\n"))
		return model.Invalidf("%s, line %d: %w", d.File, line, err)
	}
	return model.Invalidf("%s: %w", d.File, err)
}

func (d *Decoder) yaml(data []byte) error {
	docs := Split(data)
	for i, doc := range docs {
		place := d.File
		if len(docs) > 1 {
			place = fmt.Sprintf("%s, document %d", d.File, i+1)
		}
		text, err := doc.JSON()
		if err != nil {
			if !looksLikeManifest(data) {
				d.Malformed(place, "YAML")
				continue
			}
			return model.Invalidf("%s%s", place, doc.problem(err))
		}
		if err := d.document(place, text); err != nil {
			return err
		}
	}
	return nil
}

// looksLikeManifest reports whether text that can't be parsed was meant to be
// a manifest: it has all that every manifest has.
func looksLikeManifest(text []byte) bool {
	for _, word := range []string{"apiVersion", "kind", "metadata"} {
		if !bytes.Contains(text, []byte(word)) {
			return false
		}
	}
	return true
}
