package helm

import (
	"errors"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// place is where a file with values is: in files, or at a URL.
type place struct {
	files *input.Files
	name  string
	url   string
	// ref is the name of the source, for messages.
	ref string
}

// String is the place without what may be secret in a URL.
func (p place) String() string {
	if p.url != "" {
		return publicURL(p.url)
	}
	if p.ref != "" {
		return "$" + p.ref + "/" + p.name
	}
	return p.name
}

// publicURL is a URL without user and query.
func publicURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "a URL"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// places are those of value files, in their order: a glob stands for the files
// that it matches, in the order of their names, without those that an entry of
// their own or a glob before it names.
func (r *run) places(entries []string) ([]place, error) {
	found := make([]place, len(entries))
	globs := make([]bool, len(entries))
	var taken []place
	for i, entry := range entries {
		p, err := r.place(entry)
		if err != nil {
			return nil, err
		}
		if globs[i], err = isGlob(p); err != nil {
			return nil, err
		}
		if found[i] = p; !globs[i] {
			taken = append(taken, p)
		}
	}
	var out []place
	for i, p := range found {
		some, err := r.present(p, globs[i])
		if err != nil {
			return nil, err
		}
		for _, p := range some {
			if globs[i] && slices.Contains(taken, p) {
				continue
			}
			taken, out = append(taken, p), append(out, p)
		}
	}
	return out, nil
}

// present are the files that an entry stands for; none if there are none and
// that is allowed.
func (r *run) present(p place, isGlob bool) ([]place, error) {
	if isGlob {
		names, err := glob(p.files, p.name)
		if err == nil && len(names) == 0 && !r.set.IgnoreMissingValueFiles {
			err = model.Invalidf("value files %s: no file matches; correct the glob, or allow missing value files", p)
		}
		out := make([]place, len(names))
		for i, name := range names {
			out[i] = place{files: p.files, name: name, ref: p.ref}
		}
		return out, err
	}
	if p.url == "" && r.set.IgnoreMissingValueFiles {
		if kind, err := p.files.Kind(p.name); err != nil || kind == input.None {
			return nil, err
		}
	}
	return []place{p}, nil
}

// isGlob reports whether a path is meant as a glob: it has the characters of
// one, and no file has that name.
func isGlob(p place) (bool, error) {
	if p.url != "" || !strings.ContainsAny(p.name, "*?[{") {
		return false, nil
	}
	kind, err := p.files.Kind(p.name)
	return kind == input.None, err
}

var scheme = regexp.MustCompile(`^([a-zA-Z][a-zA-Z0-9+.-]*)://`)

// place is what the path of a file with values stands for. It leads out of no
// source.
func (r *run) place(entry string) (place, error) {
	if p, ok, err := r.refPlace(entry); ok || err != nil {
		return p, err
	}
	if m := scheme.FindStringSubmatch(entry); m != nil {
		return r.remotePlace(entry, strings.ToLower(m[1]))
	}
	text := entry
	if !strings.HasPrefix(text, "/") {
		text = path.Join(r.dir, text)
		if text == ".." || strings.HasPrefix(text, "../") {
			return place{}, model.Invalidf("value file %q leads out of the source; name a file inside of it", entry)
		}
	}
	name, err := input.Clean(text)
	if err != nil {
		return place{}, err
	}
	return place{files: r.files, name: name}, nil
}

// refPlace is that of $name/path, a file of another source of the app.
func (r *run) refPlace(entry string) (p place, ok bool, err error) {
	if !strings.HasPrefix(entry, "$") {
		return place{}, false, nil
	}
	ref, rest, _ := strings.Cut(entry[1:], "/")
	files, err := r.in.Ref(ref)
	if err != nil {
		return place{}, false, model.Invalidf("value file %q: %w", entry, err)
	}
	name, err := input.Clean(rest)
	return place{files: files, name: name, ref: ref}, true, err
}

func (r *run) remotePlace(text, scheme string) (place, error) {
	allowed := r.set.ValueSchemes
	if len(allowed) == 0 {
		allowed = []string{"http", "https"}
	}
	if !slices.Contains(allowed, scheme) {
		return place{}, model.Invalidf("value file %s: the scheme %s:// is not allowed; allowed are %s",
			publicURL(text), scheme, strings.Join(allowed, ", "))
	}
	return place{url: text}, nil
}

// read is the content of a place.
func (r *run) read(p place) ([]byte, error) {
	if p.url != "" {
		return r.in.Download(p.url)
	}
	kind, err := p.files.Kind(p.name)
	if err != nil {
		return nil, err
	}
	switch kind {
	case input.Bad:
		return nil, model.Invalidf("value file %s: a symbolic link that leads out of the source", p)
	case input.Dir, input.Module:
		return nil, model.Invalidf("value file %s: a directory; name a file", p)
	}
	data, err := p.files.Read(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, model.Invalidf("value file %s does not exist in the source at this revision; "+
			"correct the path, push the file, or allow missing value files", p)
	}
	return data, err
}
