package helmrepo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/source/archive"
	"github.com/fixpoint-cd/fixpoint/internal/source/fetch"
)

// Puller gets the charts of one Helm repository. A Want without a chart is the
// index itself: its Revision is the digest, and its tree is empty.
type Puller struct {
	settings fetch.Settings
	room     *archive.Room
	client   *http.Client
	base     *url.URL
	verify   *model.Verify
	maxIndex int64
	index    *index // nil until there is one
}

var _ fetch.Puller = (*Puller)(nil)

// index is the repository's index as it was when it was last fetched.
type index struct {
	file           *fetch.File // has no name
	digest         string
	etag, modified string
	charts         map[string]*listing // those that were asked for
}

// New makes a Puller for the repository and credentials of src. Every error is
// model.ErrInvalid.
func New(src model.Source, s fetch.Settings, room *archive.Room, maxIndex int64) (*Puller, error) {
	base, err := url.Parse(src.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, model.Invalidf("the URL of a Helm repository begins with https:// or http://; registries are given as oci://")
	}
	if src.Verify != nil && !src.Verify.Provenance {
		return nil, model.Invalidf("of charts in a Helm repository only the provenance can be verified")
	}
	client, err := s.Client(base.Host)
	if err != nil {
		return nil, err
	}
	return &Puller{settings: s, room: room, client: client, base: base, verify: src.Verify, maxIndex: maxIndex}, nil
}

// The marks of a chart: which entry of which index it is.
const (
	markEntry, markIndex   = "entry", "index"
	markETag, markModified = "etag", "modified"
)

// Pull looks at the index, and gets the charts that it has newer versions of.
func (p *Puller) Pull(ctx context.Context, have map[fetch.Want]*fetch.Got) (map[fetch.Want]fetch.Result, error) {
	out := map[fetch.Want]fetch.Result{}
	same, err := p.refresh(ctx, have)
	if err != nil {
		return out, p.settings.Error("index.yaml", err)
	}
	if same {
		for want, got := range have {
			out[want] = fetch.Result{Got: got}
		}
		return out, nil
	}
	if err := p.read(have); err != nil {
		return out, p.settings.Error("index.yaml", err)
	}
	var mu sync.Mutex
	var place error
	g := errgroup.Group{}
	g.SetLimit(4)
	for want, old := range have {
		g.Go(func() error {
			got, err := p.pull(ctx, want, old)
			if err != nil {
				err = p.settings.Error(doing(want), err)
			}
			mu.Lock()
			defer mu.Unlock()
			out[want] = fetch.Result{Got: got, Err: err}
			if errors.Is(err, model.ErrTransient) || errors.Is(err, model.ErrDenied) {
				place = err
			}
			return nil
		})
	}
	_ = g.Wait()
	return out, place
}

func doing(want fetch.Want) string {
	if want.Chart == "" {
		return "index.yaml"
	}
	return "chart " + want.Chart
}

// refresh makes p.index current. same says that nothing has changed since all of
// have was got, by an earlier process: there is no p.index then.
func (p *Puller) refresh(ctx context.Context, have map[fetch.Want]*fetch.Got) (same bool, err error) {
	etag, modified := "", ""
	if p.index != nil {
		etag, modified = p.index.etag, p.index.modified
	} else if got := common(have); got != nil {
		etag, modified = got.Marks[markETag], got.Marks[markModified]
	}
	fresh, err := p.fetchIndex(ctx, etag, modified)
	if err != nil {
		return false, err
	}
	if fresh == nil {
		return p.index == nil, nil
	}
	if p.index != nil && p.index.digest == fresh.digest {
		p.index.etag, p.index.modified = fresh.etag, fresh.modified
		return false, nil
	}
	p.index = fresh
	return false, nil
}

// common is one of have if all are from one index, else nil.
func common(have map[fetch.Want]*fetch.Got) *fetch.Got {
	var first *fetch.Got
	for _, got := range have {
		switch {
		case got == nil || got.Marks[markIndex] == "":
			return nil
		case first == nil:
			first = got
		case first.Marks[markIndex] != got.Marks[markIndex] || first.Marks[markETag] != got.Marks[markETag]:
			return nil
		}
	}
	return first
}

// read takes the wanted charts out of the index, unless they were before.
func (p *Puller) read(have map[fetch.Want]*fetch.Got) error {
	wanted := map[string]bool{}
	missing := p.index.charts == nil
	for want := range have {
		wanted[want.Chart] = true
		if _, ok := p.index.charts[want.Chart]; !ok && want.Chart != "" {
			missing = true
		}
	}
	if !missing {
		return nil
	}
	charts, err := scan(newSection(p.index.file), wanted)
	if err != nil {
		return err
	}
	for name := range wanted {
		if _, ok := charts[name]; !ok {
			charts[name] = &listing{}
		}
	}
	p.index.charts = charts
	return nil
}

// pull gets one chart, or the index.
func (p *Puller) pull(ctx context.Context, want fetch.Want, old *fetch.Got) (*fetch.Got, error) {
	if want.Chart == "" {
		return p.whole(old)
	}
	v, err := p.find(want)
	if err != nil {
		return nil, err
	}
	at, err := p.resolve(v.URLs[0])
	if err != nil {
		return nil, err
	}
	entry := strings.Join([]string{v.Version, v.Digest, p.settings.Redact(at.String())}, " ")
	if old != nil && old.Marks[markEntry] == entry && !old.Tree.Damaged() {
		return old, nil
	}
	got, err := p.chart(ctx, want.Chart, v, at)
	if err != nil {
		return nil, err
	}
	got.Marks = p.marks()
	got.Marks[markEntry] = entry
	return got, nil
}

func (p *Puller) marks() map[string]string {
	return map[string]string{markIndex: p.index.digest, markETag: p.index.etag, markModified: p.index.modified}
}

func (p *Puller) whole(old *fetch.Got) (*fetch.Got, error) {
	if old != nil && old.Digest == p.index.digest {
		return old, nil
	}
	b, err := p.room.Build()
	if err != nil {
		return nil, err
	}
	tree, err := b.Finish()
	if err != nil {
		return nil, err
	}
	return &fetch.Got{Revision: p.index.digest, Digest: p.index.digest, Tree: tree, Marks: p.marks()}, nil
}

// find chooses the version as helm does: the very one if there is such a one,
// else the highest in the range.
func (p *Puller) find(want fetch.Want) (version, error) {
	if want.Ref.Digest != "" {
		return version{}, model.Invalidf("a chart of a Helm repository has no digest to ask for; ask for a version")
	}
	text, err := fetch.ChartVersion(want.Ref)
	if err != nil {
		return version{}, err
	}
	listed := p.index.charts[want.Chart]
	if listed.err != nil {
		return version{}, listed.err
	}
	all := listed.versions
	if len(all) == 0 {
		return version{}, model.As(model.ErrNotFound, fmt.Errorf("the repository has no chart %q", want.Chart))
	}
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = v.Version
	}
	if i := slices.Index(names, text); i >= 0 {
		return all[i], nil
	}
	best, ok, err := fetch.Highest(text, names)
	if err != nil {
		return version{}, err
	}
	if !ok {
		return version{}, model.As(model.ErrNotFound, fmt.Errorf("none of %d versions satisfies %q", len(all), text))
	}
	return all[slices.Index(names, best)], nil
}
