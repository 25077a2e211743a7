package manifest

import (
	"bytes"
	"regexp"
	"strings"

	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

// Document is a document of a YAML file.
type Document struct {
	// Text is the document without what separates it from others.
	Text []byte
	// line is the number of lines before it.
	line int
}

// Split takes a file apart at lines that begin or end a document, and
// leaves out the documents that hold comments only.
func Split(data []byte) []Document {
	var docs []Document
	start, startLine, line := 0, 0, 0
	add := func(end int) {
		if text := data[start:end]; !onlyComments(text) {
			docs = append(docs, Document{text, startLine})
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

// JSON is the document as JSON, read as kubectl does, except that a key that is
// given twice is an error.
func (doc Document) JSON() ([]byte, error) {
	text, err := yaml.YAMLToJSONStrict(doc.Text)
	if err == nil || !bytes.Contains(doc.Text, []byte("<<")) || !strings.Contains(err.Error(), "already set in map") {
		return text, err
	}
	// The strict parser takes a key that replaces a merged one for a repeated
	// one; the other parser knows better.
	if kyaml.Unmarshal(doc.Text, new(any)) != nil {
		return nil, err
	}
	return yaml.YAMLToJSON(doc.Text)
}

// unsupportedKey begins an error that prints the value of the key, which may
// be a secret.
const unsupportedKey = "unsupported map key"

var (
	lineNumber   = regexp.MustCompile(`line (\d+): `)
	printedValue = regexp.MustCompile("(?s)`.*`")
)

// problem is a parser's error for people, with the line in the file.
func (doc Document) problem(err error) string {
	// Parsing again behind as many empty lines makes the parser count right.
	padded := Document{Text: append(bytes.Repeat([]byte("\n"), doc.line), doc.Text...)}
	if _, again := padded.JSON(); again != nil {
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
