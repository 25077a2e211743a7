package helm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
)

// files are those of a tree by their paths. A text that begins with linkTo is a
// symbolic link, to a path from where it lies, or out of the tree.
type files map[string]string

const (
	linkTo  = "\x01"
	linkOut = linkTo + "!"
)

// tree is a tree in memory.
type tree struct{ fstest.MapFS }

var _ model.Tree = tree{}

func newTree(f files) tree {
	t := tree{fstest.MapFS{}}
	for name, text := range f {
		file := &fstest.MapFile{Data: []byte(text)}
		if to, ok := strings.CutPrefix(text, linkTo); ok {
			file = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink}
		}
		t.MapFS[name] = file
	}
	return t
}

// follow resolves the links in a name.
func (t tree) follow(name string) (string, error) {
	at, parts := ".", strings.Split(name, "/")
	for links := 0; len(parts) > 0; {
		at, parts = path.Join(at, parts[0]), parts[1:]
		f := t.MapFS[at]
		if f == nil || f.Mode&fs.ModeSymlink == 0 {
			continue
		}
		if links++; string(f.Data) == "!" || links > 255 {
			return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
		}
		parts = append(strings.Split(path.Join(path.Dir(at), string(f.Data)), "/"), parts...)
		at = "."
	}
	return at, nil
}

func (t tree) Open(name string) (fs.File, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	return t.MapFS.Open(name)
}

func (t tree) ReadFile(name string) ([]byte, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	return t.MapFS.ReadFile(name)
}

func (t tree) ReadDir(name string) ([]fs.DirEntry, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	return t.MapFS.ReadDir(name)
}

func (t tree) Stat(name string) (fs.FileInfo, error) {
	name, err := t.follow(name)
	if err != nil {
		return nil, err
	}
	return t.MapFS.Stat(name)
}

func (t tree) Hash(name string) (string, error) {
	name, err := t.follow(name)
	if err != nil {
		return "", err
	}
	if _, err := t.MapFS.Stat(name); err != nil {
		return "", err
	}
	h := sha256.New()
	for _, at := range slices.Sorted(maps.Keys(t.MapFS)) {
		if at == name || name == "." || strings.HasPrefix(at, name+"/") {
			fmt.Fprintf(h, "%q %s %q\n", at, t.MapFS[at].Mode, t.MapFS[at].Data)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fakeHost answers what is in its maps.
type fakeHost struct {
	version string
	apis    []string
	urls    map[string]string
	// charts are repositories by "url chart version".
	charts map[string]files
	live   map[string]string
	// asked are the remotes that were asked for.
	asked []model.Source
}

func (h *fakeHost) Cluster(context.Context) (string, []string, error) { return h.version, h.apis, nil }

func (h *fakeHost) Remote(_ context.Context, src model.Source) (*model.Snapshot, error) {
	h.asked = append(h.asked, src)
	f, ok := h.charts[src.URL+" "+src.Chart+" "+src.Ref.Any+src.Ref.SemVer]
	if !ok {
		return nil, model.As(model.ErrDenied, errors.New("not allowed"))
	}
	return &model.Snapshot{Tree: newTree(f), Revision: "1"}, nil
}

func (h *fakeHost) Download(_ context.Context, url string) ([]byte, error) {
	text, ok := h.urls[url]
	if !ok {
		return nil, model.As(model.ErrDenied, errors.New("not allowed"))
	}
	return []byte(text), nil
}

func (h *fakeHost) Lookup(_ context.Context, ref model.ObjectRef) ([]byte, error) {
	text, ok := h.live[ref.APIVersion()+" "+ref.ObjectKey.String()]
	if text == "fail" {
		return nil, model.As(model.ErrTransient, errors.New("the target does not answer"))
	}
	if !ok {
		return nil, nil
	}
	return []byte(text), nil
}

// buffered are the files as they are loaded.
func (f files) buffered() (out []*archive.BufferedFile) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		out = append(out, &archive.BufferedFile{Name: name, Data: []byte(f[name])})
	}
	return out
}
