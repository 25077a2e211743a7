package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	kjson "sigs.k8s.io/json"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// decoder makes objects of the content of one file.
type decoder struct {
	file      string
	warnf     func(format string, args ...any)
	malformed func(place, format string)

	made []model.Object
	// manifests: a document is one, or a list of them.
	manifests bool
	// other are the places of documents that are no manifests.
	other []string
}

// objects are those of data, in order, lists taken apart.
func (d *decoder) objects(data []byte) ([]model.Object, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	err := guard(data)
	if err != nil {
		return nil, invalidf("%s, %w", d.file, err)
	}
	if path.Ext(d.file) == ".json" {
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
func (d *decoder) others() error {
	if len(d.other) > 0 && d.manifests {
		return invalidf("%s: no apiVersion, kind or metadata, unlike other documents of the file; "+
			"add them or remove the document", d.other[0])
	}
	if len(d.other) > 0 {
		d.warnf("%s: no manifest (it has no apiVersion, kind or metadata): skipped", d.file)
	}
	return nil
}

func (d *decoder) json(data []byte) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	var value any
	strict, err := kjson.UnmarshalStrict(data, &value)
	if err != nil {
		return d.jsonError(data, err)
	}
	if len(strict) > 0 {
		return invalidf("%s: %w", d.file, strict[0])
	}
	text, err := json.Marshal(value)
	if err != nil {
		return invalidf("%s: %w", d.file, err)
	}
	return d.document(d.file, text)
}

// jsonError names the line where the text is no JSON.
func (d *decoder) jsonError(data []byte, err error) error {
	if !looksLikeManifest(data) {
		d.malformed(d.file, "JSON")
		return nil
	}
	reader := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	if reader.Decode(&first) == nil && !errors.Is(reader.Decode(&first), io.EOF) {
		return invalidf("%s: text after the end of the object; put several objects into a List or into several files", d.file)
	}
	var syntax *json.SyntaxError
	if errors.As(json.Unmarshal(data, new(any)), &syntax) {
		line := 1 + bytes.Count(data[:syntax.Offset], []byte("\n"))
		return invalidf("%s, line %d: %w", d.file, line, err)
	}
	return invalidf("%s: %w", d.file, err)
}

func (d *decoder) yaml(data []byte) error {
	docs := splitYAML(data)
	for i, doc := range docs {
		place := d.file
		if len(docs) > 1 {
			place = fmt.Sprintf("%s, document %d", d.file, i+1)
		}
		text, err := doc.json()
		if err != nil {
			if !looksLikeManifest(data) {
				d.malformed(place, "YAML")
				continue
			}
			return invalidf("%s%s", place, doc.problem(err))
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

// yamlDoc is a document of a YAML file.
type yamlDoc struct {
	text []byte
	// line is the number of lines before it.
	line int
}

// splitYAML takes a file apart at lines that begin or end a document, and
// leaves out the documents that hold comments only.
func splitYAML(data []byte) []yamlDoc {
	var docs []yamlDoc
	start, startLine, line := 0, 0, 0
	add := func(end int) {
		if text := data[start:end]; !onlyComments(text) {
			docs = append(docs, yamlDoc{text, startLine})
		}
	}
	for at := 0; at < len(data); line++ {
		end, next := len(data), len(data)
		if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
			end, next = at+n, at+n+1
		}
		if rest, ok := marker(data[at:end]); ok {
			add(at)
			// What stands behind the marker belongs to the new document.
			start, startLine = end-rest, line
		}
		at = next
	}
	add(len(data))
	return docs
}

// marker reports whether a line separates documents, and the length of what
// follows on it.
func marker(line []byte) (rest int, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if !bytes.HasPrefix(line, []byte("---")) && !bytes.HasPrefix(line, []byte("...")) {
		return 0, false
	}
	after := line[3:]
	return len(after), len(after) == 0 || after[0] == ' ' || after[0] == '\t'
}

// onlyComments reports whether no line holds more than a comment or a
// directive.
func onlyComments(text []byte) bool {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && line[0] != '%' {
			return false
		}
	}
	return true
}

// json is the document as JSON, read as kubectl does, except that a key that is
// given twice is an error.
func (doc yamlDoc) json() ([]byte, error) {
	text, err := yaml.YAMLToJSONStrict(doc.text)
	if err == nil || !bytes.Contains(doc.text, []byte("<<")) || !strings.Contains(err.Error(), "already set in map") {
		return text, err
	}
	// The strict parser takes a key that replaces a merged one for a repeated
	// one; the other parser knows better.
	if kyaml.Unmarshal(doc.text, new(any)) != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(doc.text)
}

// unsupportedKey begins an error that prints the value of the key, which may
// be a secret.
const unsupportedKey = "unsupported map key"

var (
	lineNumber   = regexp.MustCompile(`line (\d+): `)
	printedValue = regexp.MustCompile("(?s)`.*`")
)

// problem is a parser's error for people, with the line in the file.
func (doc yamlDoc) problem(err error) string {
	// Parsing again behind as many empty lines makes the parser count right.
	padded := yamlDoc{text: append(bytes.Repeat([]byte("\n"), doc.line), doc.text...)}
	if _, again := padded.json(); again != nil {
		err = again
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimSpace(strings.TrimPrefix(text, "unmarshal errors:"))
	if strings.HasPrefix(text, unsupportedKey) {
		return ": a key of a map is null, a list or a map; write it as a string"
	}
	text = printedValue.ReplaceAllString(text, "`…`")
	text, _, _ = strings.Cut(text, "\n")
	if m := lineNumber.FindStringSubmatchIndex(text); m != nil && m[0] == 0 {
		return ", line " + text[m[2]:m[3]] + ": " + text[m[1]:]
	}
	return ": " + text
}
