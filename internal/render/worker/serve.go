package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// server answers the questions of one task. What it answers, and what the
// worker tells that it uses, is noted in inputs, which the outcome is
// remembered by.
type server struct {
	ctx    context.Context
	in     model.RenderInput
	dir    string
	hooks  input.Hooks
	inputs *input.Inputs
	// files are the trees, by number.
	files []*input.Files
	task  task
}

func newServer(ctx context.Context, in model.RenderInput, limits Limits, hooks input.Hooks) (*server, error) {
	dir, err := input.Clean(in.Path)
	if err != nil {
		return nil, err
	}
	in = keeping(in)
	s := &server{ctx: ctx, in: in, dir: dir, hooks: hooks, inputs: input.Open(ctx, in, limits.MaxBytes)}
	s.files = append(s.files, s.inputs.Files)
	refs := slices.Sorted(maps.Keys(in.Refs))
	for _, name := range refs {
		f, err := s.inputs.Ref(name)
		if err != nil {
			return nil, err
		}
		s.files = append(s.files, f)
	}
	s.task = task{
		Render: withoutKeys(in.Render), Refs: refs, Limits: limits,
		Host: in.Host != nil, Unwrap: hooks.Unwrap != nil, Plugin: hooks.Plugin != nil,
	}
	return s, nil
}

// withoutKeys leaves the names of keys, and not the keys.
func withoutKeys(r model.Render) model.Render {
	if r.Decrypt == nil {
		return r
	}
	d := *r.Decrypt
	d.Keys = map[string]model.Hidden{}
	for name := range r.Decrypt.Keys {
		d.Keys[name] = nil
	}
	r.Decrypt = &d
	return r
}

// tree is a tree that the worker may read.
func (s *server) tree(number int) (*input.Files, error) {
	if number < 0 || number >= len(s.files) {
		return nil, &protocolError{fmt.Sprintf("there is no tree %d", number)}
	}
	return s.files[number], nil
}

// note notes what the worker tells that it uses.
func (s *server) note(q question) error {
	f, err := s.tree(q.Tree)
	if err != nil {
		return err
	}
	switch q.About {
	case askStat:
		_, err = f.Kind(q.Name)
	case askList:
		_, err = f.List(q.Name)
	case askRead:
		_, err = f.Read(q.Name)
	default:
		return &protocolError{fmt.Sprintf("there is nothing to note about a %d", q.About)}
	}
	s.over(err)
	return nil
}

// over lets the worker's own inputs say what an error means: here the next
// read is served unless the render is over or its bytes are used up.
func (s *server) over(err error) {
	if err != nil && s.ctx.Err() == nil {
		s.inputs.Heal()
	}
}

// answer answers a question; err is for what no worker asks.
func (s *server) answer(q question) (a answer, err error) {
	switch q.About {
	case askStat, askList, askRead, askPrefetch:
		f, wrong := s.tree(q.Tree)
		if wrong != nil {
			return a, wrong
		}
		a, err = s.file(f, q)
	case askCluster:
		a, err = s.cluster()
	case askRemote:
		a, err = s.remote(q.Source)
	case askDownload:
		a.Data, err = s.inputs.Download(q.Name)
	case askLookup:
		if q.Object == nil {
			return a, &protocolError{"a lookup of nothing"}
		}
		// Not that of a tool, which knows: whoever speaks for it may not.
		a.Data, err = s.hook(s.in.Helm.Lookup, func() ([]byte, error) { return s.inputs.Lookup(*q.Object) })
	case askUnwrap:
		a.Data, err = s.hook(s.hooks.Unwrap != nil, func() ([]byte, error) { return s.hooks.Unwrap(s.ctx, q.Data) })
	case askPlugin:
		if q.Name != s.dir {
			return a, &protocolError{"a plugin is run for another directory"}
		}
		a.Data, err = s.hook(s.hooks.Plugin != nil, func() ([]byte, error) { return s.hooks.Plugin(s.ctx, q.Name) })
	default:
		return a, &protocolError{fmt.Sprintf("there are no questions about a %d", q.About)}
	}
	s.over(err)
	if err != nil {
		a = answer{Err: failed(err)}
	}
	return a, nil
}

func (s *server) hook(there bool, run func() ([]byte, error)) ([]byte, error) {
	if !there {
		return nil, model.As(model.ErrDenied, errors.New("this is not set up"))
	}
	data, err := run()
	if err != nil {
		s.inputs.Unsettled()
	}
	return data, err
}

// file answers about a name in a tree. The tree's own error is what the worker
// makes a message of.
func (s *server) file(f *input.Files, q question) (a answer, err error) {
	if err := s.inputs.Check(); err != nil {
		return a, err
	}
	switch q.About {
	case askStat:
		a.Entry, err = stat(f, q.Name)
		_, noting := f.Kind(q.Name)
		return a, cmp.Or(err, noting)
	case askList:
		entries, err := f.Tree().ReadDir(q.Name)
		_, noting := f.List(q.Name)
		a.Entries, a.Hash = listed(entries), hashed(f, q.Name)
		return a, cmp.Or(err, noting)
	case askRead:
		return s.read(f, q.Name)
	default:
		if err := f.Prefetch(q.Name); err != nil {
			return a, err
		}
		a.Ahead = inAdvance(f.Tree(), q.Name)
		return a, nil
	}
}

func (s *server) read(f *input.Files, name string) (a answer, err error) {
	if a.Entry, err = stat(f, name); err == nil && a.Entry.Mode.IsDir() {
		return a, &fs.PathError{Op: "read", Path: name, Err: errors.New("is a directory")}
	}
	data, noting := f.Read(name)
	a.Data, a.Hash = data, hashed(f, name)
	if err != nil || noting == nil {
		return a, err
	}
	if _, plain := f.Tree().ReadFile(name); plain != nil {
		return a, plain
	}
	return a, noting
}

func stat(f *input.Files, name string) (entry, error) {
	i, err := f.Tree().Stat(name)
	if err != nil {
		return entry{}, err
	}
	return entry{i.Name(), i.Mode(), i.Size()}, nil
}

func listed(entries []fs.DirEntry) []entry {
	list := make([]entry, len(entries))
	for i, e := range entries {
		list[i] = entry{Name: e.Name(), Mode: e.Type()}
	}
	return list
}

func hashed(f *input.Files, name string) string {
	h, err := f.Tree().Hash(name)
	if err != nil {
		return ""
	}
	return h
}

func (s *server) cluster() (a answer, err error) {
	if a.Version, err = s.inputs.KubeVersion(); err != nil {
		return a, err
	}
	a.APIs, err = s.inputs.APIVersions()
	return a, err
}

// remote serves another tree. A worker names a place and a revision; it has no say
// in credentials, and can't have another app's files included.
func (s *server) remote(src *model.Source) (a answer, err error) {
	if src == nil {
		return a, model.Invalidf("no source is named")
	}
	bare := model.Source{Kind: src.Kind, URL: src.URL, Ref: src.Ref, Chart: src.Chart, Git: model.Git{Submodules: src.Git.Submodules}}
	bare.Auth.PassCredentials = s.in.Helm.PassCredentials && src.Auth.PassCredentials
	files, snap, err := s.inputs.Remote(bare)
	if err != nil {
		return a, err
	}
	a.Tree = slices.Index(s.files, files)
	if a.Tree < 0 {
		a.Tree = len(s.files)
		s.files = append(s.files, files)
	}
	copied := *snap
	copied.Tree = nil
	a.Snapshot = &copied
	return a, nil
}
