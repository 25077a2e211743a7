package input

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Inputs is all that one render may use. What is asked of it is noted.
type Inputs struct {
	*state
	// Render is what was asked for.
	Render model.Render
	// Files are those of the app's own source.
	Files *Files
	// Hooks are what the process around the render does for it.
	Hooks Hooks
	// MaxObjects is how many objects the render may make; 0 is no limit. Tools
	// may stop beyond it.
	MaxObjects int

	host     model.RenderHost
	trees    map[origin]*Files
	remotes  map[origin]*model.Snapshot
	asked    map[string]Read
	warnings []string
	partial  bool
	// lasting is false once an answer can't be compared later.
	lasting bool
}

// Hooks are what a render asks the process that holds keys and may start
// commands. A nil hook is model.ErrDenied.
type Hooks struct {
	// Unwrap decrypts the data key of a SOPS file; see package sops for the
	// request.
	Unwrap func(ctx context.Context, request []byte) ([]byte, error)
	// Plugin runs the app's plugin on the directory and returns its output; see
	// package plugin.
	Plugin func(ctx context.Context, dir string) ([]byte, error)
}

// origin is where something was read: the zero value is the app's own tree.
type origin struct {
	// ref is the name of another source of the app.
	ref string
	// remote is the JSON of a model.Source that the host was asked for.
	remote string
}

// Open makes the inputs of a render that ends with ctx and reads at most max
// bytes of all trees together, a file counted as often as it is read.
func Open(ctx context.Context, in model.RenderInput, max int64) *Inputs {
	s := &state{ctx: ctx, left: max, max: max}
	i := &Inputs{
		state: s, Render: in.Render, Files: s.files(in.Tree, ""), host: in.Host,
		trees: map[origin]*Files{}, remotes: map[origin]*model.Snapshot{}, asked: map[string]Read{}, lasting: true,
	}
	i.trees[origin{}] = i.Files
	for name, tree := range in.Refs {
		i.trees[origin{ref: name}] = s.files(tree, "$"+name+"/")
	}
	return i
}

// Context ends with the render.
func (i *Inputs) Context() context.Context { return i.ctx }

// Ref are the files of the app's source with that name, without the $.
func (i *Inputs) Ref(name string) (*Files, error) {
	if f, ok := i.trees[origin{ref: name}]; ok && name != "" {
		return f, nil
	}
	var known []string
	for at := range i.trees {
		if at.ref != "" {
			known = append(known, "$"+at.ref)
		}
	}
	if len(known) == 0 {
		return nil, model.Invalidf("$%s names no source: the app has no source with a ref", name)
	}
	slices.Sort(known)
	return nil, model.Invalidf("$%s names no source of the app; its refs are %s", name, strings.Join(known, ", "))
}

// Remote are the files of another repository. Only what the operator allows is
// served: model.ErrDenied for the rest.
func (i *Inputs) Remote(src model.Source) (*Files, *model.Snapshot, error) {
	if err := i.Check(); err != nil {
		return nil, nil, err
	}
	key, err := json.Marshal(src)
	if err != nil {
		return nil, nil, err
	}
	at := origin{remote: string(key)}
	// One render sees one revision, however often it asks.
	if snap := i.remotes[at]; snap != nil {
		return i.trees[at], snap, nil
	}
	snap, err := i.remote(i.ctx, src)
	if err != nil {
		i.lasting = false
		return nil, nil, i.Fail(fmt.Errorf("reading %s: %w", redact(src.URL), err))
	}
	f := i.files(snap.Tree, redact(src.URL)+"//")
	i.trees[at], i.remotes[at] = f, snap
	return f, snap, nil
}

// redact is a URL without what may be a credential.
func redact(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

func (i *Inputs) remote(ctx context.Context, src model.Source) (*model.Snapshot, error) {
	if i.host == nil {
		return nil, model.As(model.ErrDenied, fmt.Errorf("nothing remote can be read here"))
	}
	return i.host.Remote(ctx, src)
}

// Download is the content at a URL, as far as the operator allows it.
func (i *Inputs) Download(at string) ([]byte, error) {
	if err := i.Check(); err != nil {
		return nil, err
	}
	if i.host == nil {
		return nil, i.Fail(model.As(model.ErrDenied, fmt.Errorf("nothing remote can be read here")))
	}
	data, err := i.host.Download(i.ctx, at)
	if err != nil {
		i.lasting = false
		return nil, i.Fail(err)
	}
	if err := i.spend(redact(at), int64(len(data))); err != nil {
		return nil, err
	}
	i.ask(Read{what: askURL, name: at, answer: model.DigestOf(data).String()})
	return data, nil
}

// KubeVersion is the target's version, as "v1.36.3"; "" if there is no target.
func (i *Inputs) KubeVersion() (string, error) {
	version, _, err := i.cluster()
	if err == nil {
		i.ask(Read{what: askCluster, name: clusterVersion, answer: version})
	}
	return version, err
}

// APIVersions are those that the target serves, sorted; none without a target.
func (i *Inputs) APIVersions() ([]string, error) {
	_, apis, err := i.cluster()
	if err == nil {
		i.ask(Read{what: askCluster, name: clusterAPIs, answer: digestTexts(apis)})
	}
	return apis, err
}

// The names of what is asked of the cluster.
const (
	clusterVersion = "version"
	clusterAPIs    = "apis"
)

func (i *Inputs) cluster() (string, []string, error) {
	if err := i.Check(); err != nil {
		return "", nil, err
	}
	if i.host == nil {
		return "", nil, nil
	}
	version, apis, err := i.host.Cluster(i.ctx)
	if err != nil {
		i.lasting = false
		return "", nil, i.Fail(fmt.Errorf("asking the target what it serves: %w", err))
	}
	return version, apis, nil
}

// Lookup is a live object as JSON, or a list of them where the name is empty;
// nil if there is none or no target. It is not noted: the outcome is that of
// the time of the render.
func (i *Inputs) Lookup(ref model.ObjectRef) ([]byte, error) {
	if err := i.Check(); err != nil || i.host == nil {
		return nil, err
	}
	found, err := i.host.Lookup(i.ctx, ref)
	if err != nil {
		i.Unsettled()
	}
	return found, err
}

// Unsettled says that what was asked of the world has failed: the next time it
// may not.
func (i *Inputs) Unsettled() { i.lasting = false }

func (i *Inputs) ask(r Read) { i.asked[key(r.what, r.name)] = r }

// Warnf tells the user something that stops nothing.
func (i *Inputs) Warnf(format string, args ...any) {
	const most = 50
	if text := fmt.Sprintf(format, args...); len(i.warnings) < most && !slices.Contains(i.warnings, text) {
		i.warnings = append(i.warnings, text)
	}
}

// Malformed tells of a file or document that is neither a manifest nor anything
// else that can be read.
func (i *Inputs) Malformed(place, format string) {
	i.partial = true
	i.Warnf("%s: no manifest, and malformed %s: skipped; nothing is deleted until it is repaired or removed", place, format)
}

// Warnings are those so far; partial is true after Malformed.
func (i *Inputs) Warnings() (texts []string, partial bool) { return i.warnings, i.partial }

// Noted is all that was asked; lasting is false if something of it can't be
// compared later.
func (i *Inputs) Noted() (reads []Read, lasting bool) {
	lasting = i.lasting
	for at, f := range i.trees {
		some, ok := f.noted()
		for n := range some {
			some[n].in = at
		}
		reads, lasting = append(reads, some...), lasting && ok
	}
	return slices.AppendSeq(reads, maps.Values(i.asked)), lasting
}

// Unchanged reports whether in would answer all reads the same. It reads no
// file. The world is asked only what a render of in would ask it, too: once all
// that was read of the app's own trees is the same.
func Unchanged(ctx context.Context, reads []Read, in model.RenderInput) bool {
	i := Open(ctx, in, 0)
	for _, ofWorld := range []bool{false, true} {
		for _, r := range reads {
			if r.ofWorld() == ofWorld && !i.holds(r) {
				return false
			}
		}
	}
	return true
}

func (i *Inputs) holds(r Read) bool {
	switch r.what {
	case askCluster:
		version, apis, err := i.cluster()
		return err == nil && r.answer == map[string]string{clusterVersion: version, clusterAPIs: digestTexts(apis)}[r.name]
	case askURL:
		if i.host == nil {
			return false
		}
		data, err := i.host.Download(i.ctx, r.name)
		return err == nil && model.DigestOf(data).String() == r.answer
	}
	f := i.trees[r.in]
	if f == nil && r.in.remote != "" {
		var src model.Source
		if json.Unmarshal([]byte(r.in.remote), &src) != nil {
			return false
		}
		snap, err := i.remote(i.ctx, src)
		if err != nil {
			return false
		}
		f = i.files(snap.Tree, "")
		i.trees[r.in] = f
	}
	return f != nil && r.holds(f.tree)
}

func digestTexts(texts []string) string {
	return model.DigestOf([]byte(strings.Join(texts, "\x00"))).String()
}
