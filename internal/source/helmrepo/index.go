package helmrepo

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// version is an entry of an index, as far as it is needed.
type version struct {
	Version string   `json:"version"`
	Digest  string   `json:"digest"`
	URLs    []string `json:"urls"`
}

// maxEntry bounds what one version of a chart has in an index.
const maxEntry = 1 << 20

// listing is what an index has of one chart. What can't be read of one hinders no
// other.
type listing struct {
	versions []version
	err      error
}

// note keeps a version. One that has no version or no URL is passed over, as Helm
// does.
func (l *listing) note(v *version) {
	if v != nil && v.Version != "" && len(v.URLs) > 0 {
		l.versions = append(l.versions, *v)
	}
}

// scan reads the versions of the wanted charts, in the order of the index.
// Charts that are not in it are not in the result.
func scan(r io.Reader, wanted map[string]bool) (map[string]*listing, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = in.Discard(3)
	}
	var out map[string]*listing
	var err error
	if first := firstByte(in); first == '{' {
		out, err = scanJSON(in, wanted)
	} else {
		s := &scanner{in: in, wanted: wanted, found: map[string]*listing{}}
		out, err = s.found, s.scan()
	}
	if err != nil && !errors.Is(err, model.ErrInvalid) {
		return nil, model.Invalidf("index.yaml can't be read: %w", err)
	}
	return out, err
}

// firstByte is the first one that is no space.
func firstByte(in *bufio.Reader) byte {
	head, _ := in.Peek(512)
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return 0
	}
	return head[0]
}

// scanner goes through a YAML index line by line. In a block, whatever belongs to
// a key is indented deeper than it or is a list item, so that keys can be told
// without reading what is below them.
type scanner struct {
	in     *bufio.Reader
	line   int
	wanted map[string]bool
	found  map[string]*listing

	entries    bool // inside of entries:
	keys       int  // the indentation of the charts' names; 0 until the first
	chart      string
	items      int // the indentation of the chart's versions; -1 until the first
	text       []byte
	apiVersion bool
}

func (s *scanner) scan() error {
	for {
		part, more, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.take(part, more)
		}
		if err != nil {
			return err
		}
	}
	s.flush()
	if !s.apiVersion {
		return model.Invalidf("index.yaml is no index of a Helm repository: it has no apiVersion")
	}
	return nil
}

// next is the beginning of the next line, and whether it goes on.
func (s *scanner) next() (part []byte, more bool, err error) {
	s.line++
	part, err = s.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return part, true, nil
	}
	if errors.Is(err, io.EOF) && len(part) > 0 {
		err = nil
	}
	return bytes.TrimRight(part, "\r\n"), false, err
}

// take deals with one line.
func (s *scanner) take(part []byte, more bool) error {
	body := bytes.TrimLeft(part, " ")
	indent := len(part) - len(body)
	switch {
	case len(body) == 0 || body[0] == '#' || bytes.Equal(part, []byte("---")):
		if s.chart == "" || len(body) > 0 && indent <= s.keys {
			return s.rest(more, false)
		}
	case indent == 0 && body[0] != '-':
		if err := s.top(part); err != nil {
			return err
		}
		return s.rest(more, false)
	case s.entries && body[0] != '-' && (s.keys == 0 || indent <= s.keys):
		if err := s.key(part, indent); err != nil {
			return err
		}
		return s.rest(more, false)
	}
	if s.chart == "" {
		return s.rest(more, false)
	}
	if item := len(body) > 0 && body[0] == '-'; item && (s.items < 0 || indent == s.items) {
		s.flush()
		s.items = indent
	}
	s.add(part)
	err := s.rest(more, true)
	s.add([]byte{'\n'})
	return err
}

// rest reads the rest of a line that is longer than the buffer.
func (s *scanner) rest(more, keep bool) error {
	for more {
		part, err := s.in.ReadSlice('\n')
		more = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !more && !errors.Is(err, io.EOF) {
			return err
		}
		if keep {
			s.add(bytes.TrimRight(part, "\r\n"))
		}
	}
	return nil
}

// add collects a part of a version.
func (s *scanner) add(part []byte) {
	if s.chart == "" {
		return
	}
	if len(s.text)+len(part) > maxEntry {
		s.fail("a version has more than %d bytes", maxEntry)
		return
	}
	s.text = append(s.text, part...)
}

// fail notes an error of the chart, of which nothing more is read.
func (s *scanner) fail(format string, args ...any) {
	s.found[s.chart].err = model.Invalidf("index.yaml: up to line %d: "+format, append([]any{s.line}, args...)...)
	s.chart, s.text = "", s.text[:0]
}

var keyForm = regexp.MustCompile(`^ *(?:"((?:[^"\\]|\\.)*)"|'((?:[^']|'')*)'|([^\s'"#&*!|>%@?{}\[\],-][^:#]*?|-[^\s:#]+))\s*:(?:\s+(.*))?$`)

// keyOf takes a line of the form key: value apart.
func keyOf(line []byte) (key, value string, ok bool) {
	if name, ok := bytes.CutSuffix(bytes.TrimLeft(line, " "), []byte{':'}); ok && isPlain(name) {
		return string(name), "", true
	}
	m := keyForm.FindSubmatch(line)
	if m == nil {
		return "", "", false
	}
	switch {
	case m[1] != nil:
		text, err := strconv.Unquote(`"` + string(m[1]) + `"`)
		return text, string(m[4]), err == nil
	case m[2] != nil:
		return strings.ReplaceAll(string(m[2]), "''", "'"), string(m[4]), true
	}
	return string(m[3]), string(m[4]), true
}

// isPlain reports whether a key can be nothing but itself.
func isPlain(key []byte) bool {
	for i, c := range key {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_' && c != '.') {
			return false
		}
	}
	return len(key) > 0
}

// top is a line with one of the index's own fields.
func (s *scanner) top(line []byte) error {
	s.flush()
	s.entries, s.chart = false, ""
	key, value, ok := keyOf(line)
	if !ok {
		return model.Invalidf("index.yaml: line %d is no field of an index; is it the URL of a Helm repository?", s.line)
	}
	switch key {
	case "apiVersion":
		s.apiVersion = value != ""
	case "entries":
		s.entries = true
		if !isEmpty(value) {
			return model.Invalidf("index.yaml: line %d: the entries have to be in lines of their own, or the whole index has to be JSON", s.line)
		}
	}
	return nil
}

// key is a line with a chart's name.
func (s *scanner) key(line []byte, indent int) error {
	s.flush()
	if s.keys == 0 {
		s.keys = indent
	}
	name, value, ok := keyOf(line)
	if !ok || indent != s.keys {
		return model.Invalidf("index.yaml: line %d is not the name of a chart", s.line)
	}
	s.chart, s.items = "", -1
	if !s.wanted[name] {
		return nil
	}
	s.chart = name
	if s.found[name] == nil {
		s.found[name] = &listing{}
	}
	if !isEmpty(value) {
		s.fail("the versions have to be in lines of their own, or the whole index has to be JSON")
	}
	return nil
}

// isEmpty reports whether the line of a key has no value but an empty one.
func isEmpty(value string) bool {
	if i := strings.Index(value, "#"); i >= 0 && (i == 0 || value[i-1] == ' ') {
		value = value[:i]
	}
	switch strings.TrimSpace(value) {
	case "", "{}", "[]", "null", "~":
		return true
	}
	return false
}

// flush reads the version that was collected.
func (s *scanner) flush() {
	if s.chart == "" || len(bytes.TrimSpace(s.text)) == 0 {
		s.text = s.text[:0]
		return
	}
	var list []*version
	if err := yaml.Unmarshal(s.text, &list); err != nil {
		s.fail("a version can't be read: %w", err)
		return
	}
	for _, v := range list {
		s.found[s.chart].note(v)
	}
	s.text = s.text[:0]
}
